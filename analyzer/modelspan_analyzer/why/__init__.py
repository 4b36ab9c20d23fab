"""Why a model behaves as it does: its predictions joined with the traces that they were made in."""

from modelspan_analyzer.kinds import KINDS
from modelspan_analyzer.why.explain import explain
from modelspan_analyzer.why.explanation import Budget, Cause, Explanation, Finding
from modelspan_analyzer.why.question import question

__all__ = ["KINDS", "Budget", "Cause", "Explanation", "Finding", "explain", "question"]
