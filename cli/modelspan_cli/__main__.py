"""`python -m modelspan_cli` is `modelspan`."""

import sys

from modelspan_cli.main import main

sys.exit(main())
