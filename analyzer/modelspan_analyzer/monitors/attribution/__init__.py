"""Do the reasons hold: attributions against the baseline's, and how much the model hangs on single features."""
