"""Why a model behaves as it does: its predictions joined with the traces that they were made in."""

from modelspan_analyzer.kinds import KINDS
from modelspan_analyzer.why.explain import explain
from modelspan_analyzer.why.question import question
from modelspan_analyzer.why.vocabulary import Budget, Cause, Explanation, Finding

__all__ = ["KINDS", "Budget", "Cause", "Explanation", "Finding", "explain", "question"]
