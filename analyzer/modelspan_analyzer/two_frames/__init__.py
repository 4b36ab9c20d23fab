"""Two tables compared without a store or a server: by the same statistics, and to the same verdicts, as windows are."""

from modelspan_analyzer.two_frames.compare import Options
from modelspan_analyzer.two_frames.comparison import Comparison
from modelspan_analyzer.two_frames.entry import compare_files, compare_frames, with_choices

__all__ = ["Comparison", "Options", "compare_files", "compare_frames", "with_choices"]
