"""What was not looked at in a span, and why: it is never taken for healthy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelspan_analyzer.checking import SKIPPED
from modelspan_analyzer.views.digest.facts import Facts
from modelspan_analyzer.views.digest.lines import Line


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is not known of some versions."""

    what: str
    why: str
    versions: tuple[str, ...]
    """Of which, by their names: model and version."""

    @property
    def of(self) -> str:
        """All of them, in a line."""
        return ", ".join(self.versions)


def gaps(facts: Facts, lines: Sequence[Line]) -> tuple[Gap, ...]:
    """What is not known of some versions: what concerns all of them first, then what one kind of check lacks."""
    return (*_of_versions(facts, lines), *_of_monitors(facts, lines), *_of_signals(facts, lines))


def _of_versions(facts: Facts, lines: Sequence[Line]) -> Iterator[Gap]:
    if not lines:
        yield Gap("nothing was looked at", "there is no model", ())
    alive = [one for one in lines if one.predictions]
    unseen = [one for one in alive if not one.windows]
    never = [one for one in unseen if not facts.of(one.key).looked["windows"]]
    yield from _gap("no window was looked at", "no look at one ended in this time", never)
    for one in lines:
        looked = facts.of(one.key).looked
        if lost := looked["windows"] - one.windows:
            what = "no window was looked at" if not one.windows else "some windows could not be looked at"
            why = f"in {lost:,} of {looked['windows']:,} windows every monitor failed: {looked['error']}"
            yield from _gap(what, why, [one])
    silent = [one for one in lines if not one.predictions]
    yield from _gap("nothing came to look at", "no prediction came in this time", silent)
    seen = [one for one in alive if one.windows]
    unlike = [one for one in seen if not one.compared]
    yield from _gap("nothing was compared with a baseline", "it has none, or too little came beside it", unlike)
    asked = [one for one in alive if not one.labelled and one.asked_labels]
    yield from _gap("no label is known", "what was true of its predictions is not in yet", asked)
    unasked = [one for one in alive if not one.asked_labels]
    yield from _gap("labels were not asked for", "performance was not looked at in this time", unasked)
    yield from _gap("nobody owns it", "neither a card nor `incidents: {owner: …}` names anybody", [
        one for one in lines if not one.owner
    ])  # fmt: skip


def _of_monitors(facts: Facts, lines: Sequence[Line]) -> Iterator[Gap]:
    """Monitors that failed in every window that they ran on, and in some."""
    broken: dict[tuple[bool, str, str], list[Line]] = {}
    for one in lines:
        for run in facts.of(one.key).failed:
            key = run["failed"] < run["runs"], run["monitor"], run["error"]
            broken.setdefault(key, []).append(one)
    for (partly, monitor, error), found in sorted(broken.items()):
        where = "some windows" if partly else "every window"
        yield from _gap(f"the monitor {monitor.replace('_', ' ')} failed in {where}", error, found)


def _of_signals(facts: Facts, lines: Sequence[Line]) -> Iterator[Gap]:
    """Kinds of check that could judge nothing in any window; those that do not apply are one."""
    alive = {one.key: one for one in lines if one.predictions}
    lacking: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for key in alive:
        for row in facts.of(key).unjudged:
            applies = bool(row["said"])
            lacking.setdefault((row["signal"], row["said"]) if applies else (SKIPPED, ""), []).append(row)
    for (signal, verdict), rows in sorted(lacking.items(), key=lambda one: (one[0][0] == SKIPPED, one[0])):
        found = list(dict.fromkeys(alive[row["model"], row["version"]] for row in rows))
        if signal == SKIPPED:
            names = ", ".join(dict.fromkeys(row["signal"].replace("_", " ") for row in rows))
            yield from _gap(f"does not apply: {names}", _several([row["skipped_why"] for row in rows]), found)
        else:
            said = f"{signal.replace('_', ' ')} could not be judged ({verdict.replace('_', ' ')})"
            yield from _gap(said, _several([row["why"] for row in rows]), found)


def _several(reasons: Sequence[str]) -> str:
    """The first of some reasons, and how many others there are."""
    every = list(dict.fromkeys(reason for reason in reasons if reason))
    more = f" (and {len(every) - 1} other reasons)" if len(every) > 2 else " (and another reason)"
    return "".join((every[0], more if len(every) > 1 else "")) if every else "it says no reason"


def _gap(what: str, why: str, found: Sequence[Line]) -> Iterator[Gap]:
    if found:
        yield Gap(what, why or "it says no reason", tuple(one.name for one in found))
