"""Says an explanation in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from modelspan_analyzer import kinds
from modelspan_analyzer.instants import in_words
from modelspan_analyzer.why.explanation import Cause, Finding
from modelspan_analyzer.why.facts import STEPS_PER_OCTAVE, Key

NOTHING = "Nothing in the traces sets {subject} apart from the others"


def subject(finding: Finding) -> str:
    """The flagged predictions, as the object of a sentence."""
    feature = f"`{finding.feature}`" if finding.feature else "the prediction"
    what = {
        kinds.MISSING: f"the predictions with {feature} missing",
        kinds.DRIFT: f"the predictions whose {feature} left its usual range",
        kinds.PREDICTION_DRIFT: "the predictions that shifted",
        kinds.ERRORS: "the failed predictions",
        kinds.SLOW: "the slow predictions",
        kinds.WRONG: "the wrong predictions",
        kinds.UNFAIR: "the unfavourable predictions",
    }[finding.kind]
    return f"{what} ({finding.segment})" if finding.segment else what


_SAYS: Mapping[str, Callable[[Key], str]] = {
    "attribute": lambda key: f"came through {_span(key)} with `{key.attribute}={key.value}`",
    "number": lambda key: f"came through {_span(key)} with `{key.attribute}` {_bound(key)}",
    "resource": lambda key: f"were served by `{key.service}` with `{key.attribute}={key.value}`",
    "status": lambda key: f"came through {_span(key)} that ended in {key.value or key.attribute}",
    "duration": lambda key: f"came through {_span(key)} that took {_bound(key)}",
    "repeat": lambda key: f"called {_span(key)} {_number(key)} times or more",
    "span": lambda key: f"came through {_span(key)}",
    "absent": lambda key: f"did not come through {_span(key)}",
    "event": lambda key: f"came through {_span(key)} with the event `{key.attribute}`",
    "log": lambda key: f'have the log "{key.value}" of `{key.service}` ({key.attribute})',
    "clock": lambda key: f"came through {_span(key)} whose clock was {_clock(key)}",
    "tag": lambda key: f"carry the tag `{key.attribute}={key.value}`",
    "version": lambda key: f"were made by model version {key.value}",
}
_NAMES: Mapping[str, Callable[[Key], str]] = {
    "attribute": lambda key: f"{_place(key)} {key.attribute}={key.value}",
    "number": lambda key: f"{_place(key)} {key.attribute} {_bound(key)}",
    "resource": lambda key: f"{_place(key)} {key.attribute}={key.value}",
    "status": lambda key: f"{_place(key)} ended in {key.value or key.attribute}",
    "duration": lambda key: f"{_place(key)} took {_bound(key)}",
    "repeat": lambda key: f"{_place(key)} called {_number(key)} times or more",
    "span": lambda key: _place(key),
    "absent": lambda key: f"no {_place(key)}",
    "event": lambda key: f"{_place(key)} event {key.attribute}",
    "log": lambda key: f"{_place(key)} log {key.value!r}",
    "clock": lambda key: f"clock of {_place(key)} {_clock(key)}",
    "tag": lambda key: f"{key.attribute}={key.value}",
    "version": lambda key: f"model version {key.value}",
}
NAMED = frozenset(_NAMES)
"""Kinds of facts that have words of their own."""


def fact(key: Key) -> str:
    """What a fact says, as the end of "… of the predictions …"."""
    return _SAYS[key.kind](key)


def short(key: Key) -> str:
    """A fact in a few words, for lists."""
    return _NAMES[key.kind](key)


def cause(finding: Finding, found: Cause, key: Key) -> str:
    """One sentence: how many, what, against how many others, since when, with which release, which traces."""
    within = f" (within {found.within})" if found.within else ""
    text = (
        f"{_percent(found.flagged_share)} of {subject(finding)} {fact(key)}{within} "
        f"({_percent(found.other_share)} of the others)"
    )
    return text + _began(found.since, found.release) + _sample(found.sample_trace_ids) + "."


def group(
    finding: Finding,
    named: str,
    rates: tuple[float, float],
    since: datetime | None,
    traces: Sequence[str],
    *,
    at_least: bool = False,
) -> str:
    """One sentence on a group: the rates in it and of the others, or what they are `at_least`."""
    own, others = map(_percent, rates)
    if at_least:
        own, others = f"at least {own}", f"at least {others}" if rates[1] else "none for sure"
    text = f"{own} of the predictions with `{named}` {_did(finding)} ({others} of the others)"
    return text + _began(since, None) + _sample(traces) + "."


def _did(finding: Finding) -> str:
    """What the flagged predictions did, as the end of a sentence."""
    feature = f"`{finding.feature}`" if finding.feature else "the prediction"
    return {
        kinds.MISSING: f"lack {feature}",
        kinds.DRIFT: f"have {feature} out of its usual range",
        kinds.PREDICTION_DRIFT: "shifted",
        kinds.ERRORS: "failed",
        kinds.SLOW: "were slow",
        kinds.WRONG: "were wrong",
        kinds.UNFAIR: "were unfavourable",
    }[finding.kind]


def _began(since: datetime | None, release: str | None) -> str:
    if since is None:
        return ""
    return f"; it began at {since:%Y-%m-%d %H:%M} UTC" + (f" with {release}" if release else "")


def _sample(traces: Sequence[str]) -> str:
    return f"; {len(traces)} sample trace{'s' if len(traces) > 1 else ''}: {', '.join(traces)}" if traces else ""


def nothing(finding: Finding, since: object = None, reason: str = "") -> str:
    """Why there is no answer."""
    text = reason or NOTHING.format(subject=subject(finding))
    return f"{text}; they began at {since:%Y-%m-%d %H:%M} UTC." if since else f"{text}."


def with_remark(said: str, remark: str) -> str:
    """A sentence with what has to be known of what it rests on."""
    return f"{said.removesuffix('.')}; {remark}." if remark else said


def summary(finding: Finding, causes: Sequence[Cause]) -> str:
    """The explanation's own sentence: that of its first cause."""
    return causes[0].sentence if causes else nothing(finding)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 or share == 0 else f"{100 * share:.1f} %"


def _span(key: Key) -> str:
    return f"`{key.service} {key.span_name}`"


def _place(key: Key) -> str:
    return " ".join(part for part in (key.service, key.span_name) if part)


def _number(key: Key) -> str:
    return f"{float(key.value):g}"


def _bound(key: Key) -> str:
    if key.kind == "duration":
        text = in_words(2 ** (float(key.value) / STEPS_PER_OCTAVE) / 1e9)
    else:
        step = float(key.value)
        text = f"{(2 ** (abs(step) / STEPS_PER_OCTAVE) - 1) * (1 if step >= 0 else -1):.3g}"
    return f"{'at least' if key.above else 'less than'} {text}"


def _clock(key: Key) -> str:
    return f"about {abs(float(key.value)) / 1e3:.0f} s {'ahead' if key.above else 'behind'}"
