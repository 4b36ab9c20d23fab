"""The two reports of a model as documents: one for the file, and a page for its owner."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from modelspan_analyzer.checking import JUDGED
from modelspan_analyzer.documents import Cell, Document, Drawing, Name, Section, State, Table
from modelspan_analyzer.reports import parts
from modelspan_analyzer.views.health import Health
from modelspan_analyzer.views.report import Report


def governance(report: Report) -> Document:
    """All that is on record, for who has to answer for the model."""
    sections = [
        parts.signals(report),
        parts.incidents(report),
        parts.performance(report),
        parts.features(report),
        _drawings("What moved", parts.moved(report)),
        parts.fairness(report),
        _drawings("Signals over time", parts.over_time(report)),
        parts.versions(report),
        _stages(report),
        _card(report),
        _lineage(report),
        _monitors(report),
        _settings(report),
        _audit(report),
    ]
    return _document(report, "Report", [section for section in sections if section is not None])


def summary(report: Report) -> Document:
    """One page, for an owner who is no engineer."""
    sections = [
        parts.incidents(report, most=3),
        Section("In short", _words(report), brief=True),
        _drawings("What moved most", parts.moved(report, most=2)),
        _drawings(
            "How well it answers", [one for one in parts.performance(report).parts if isinstance(one, Drawing)][:1]
        ),
    ]
    return _document(report, "Summary", [section for section in sections if section is not None], one_page=True)


def _document(report: Report, kind: str, sections: list[Section], *, one_page: bool = False) -> Document:
    shown = report.model
    title = f"{kind}: {shown.title}"
    state = State(colour(shown.member.state))
    return Document(title, state, report.sentence, sections, parts.facts(report), one_page=one_page)


def colour(state: str) -> str:
    """The state of a model, as documents colour it."""
    return {"healthy": "passed", "critical": "alarm", "info": "warning"}.get(state, state)


def _words(report: Report) -> list[str]:
    shown = report.model
    moved = sum(one.verdict == "alarm" for one in shown.features)
    said = []
    if shown.features:
        said.append(
            f"{moved} of {len(shown.features)} features are distributed otherwise than in what they are compared with."
        )
    said += _checks(shown.member.signals, checked=shown.member.state != "not_checked")
    if report.labels is not None and report.labels.rows:
        said.append(f"What was true is known of {100 * report.labels.share:.1f} % of its predictions in the period.")
    return said


def _checks(signals: Sequence[Health], *, checked: bool) -> list[str]:
    """How many kinds of check alarm, of those that could be judged; the others are named, and never count as fine."""
    if not signals:
        return ["No window of it was looked at yet, so that nothing is known of how it is."]
    judged = [one for one in signals if one.alarms or (checked and one.verdict.value in JUDGED)]
    alarms = [one for one in judged if one.alarms]
    many = f"{len(judged)} of {len(signals)} kinds of check could be judged in the newest window"
    said = [
        f"{many}; {len(alarms) or 'none'} of them {'alarm' if len(alarms) > 1 else 'alarms'}{_named(': ', alarms)}."
    ]
    if not judged:
        said = ["No kind of check could be judged in the newest window."]
    if open_ := [one for one in signals if one not in judged]:
        said.append(f"Nothing can be said of {_named('', open_)}.")
    return said


def _named(before: str, signals: Sequence[Health]) -> str:
    return before + ", ".join(one.signal.replace("_", " ") for one in signals) if signals else ""


def _drawings(title: str, drawn: list[Drawing]) -> Section | None:
    return Section(title, drawn) if drawn else None


def _card(report: Report) -> Section:
    card = report.model.card
    found: list[tuple[str, Cell]] = []
    if card:
        found = [
            ("Owner", Name(card.owner)),
            ("Task", card.task),
            ("Classes", Name(", ".join(card.classes))),
            ("Hyperparameters", Name(card.hyperparameters)),
            ("Signature", Name(card.signature)),
            ("Training data", Name(card.training_data)),
            ("Deployed at", card.deployed_at),
            ("Registered at", card.registered),
        ]
    return parts.pairs("Model card", found, "There is no model card: `modelspan.register` gives one.")


def _stages(report: Report) -> Section:
    """Stage and approval of every version, what contradicts them, and all that was decided of them."""
    versions: list[list[Cell]] = [
        [Name(one.version), one.stage_words, one.approval_words, Name("; ".join(one.contradictions))]
        for one in report.model.lifecycles
    ]
    decisions: list[list[Cell]] = [
        [one.at, Name(version), one.decision, Name(one.actor), Name(one.reason)]
        for version, one in report.model.decisions
    ]
    columns = ("time (UTC)", "version", "decided", "who", "why")
    return Section(
        "Stages and approval",
        [
            Table(("version", "stage", "approval", "what contradicts it"), versions),
            Table(columns, decisions, "Nobody decided anything of any version."),
        ],
    )


def _lineage(report: Report) -> Section:
    card = report.model.card
    trained = f"Trained on: {card.training_data}" if card and card.training_data else "No training data are named."
    rows: list[list[Cell]] = [
        [Name(one.baseline_id), Name(_whose(one.version)), one.kind, Name(one.source), one.rows, one.created_at]
        for one in report.lineage
    ]
    columns = ("baseline", "versions", "kind", "source", "rows", "created")
    return Section("Data lineage", [trained, Table(columns, rows, "There is no baseline on record.")])


def _whose(version: str | None) -> str:
    return "all" if version is None else version or "none"


def _monitors(report: Report) -> Section:
    rows: list[list[Cell]] = [
        [one.name.replace("_", " "), "on" if one.enabled else "off", one.needs] for one in report.monitors
    ]
    return Section("Monitors", [Table(("monitor", "", "needs"), rows)])


def _settings(report: Report) -> Section:
    others = report.settings_of_analyzer
    given = report.settings if others is None else others
    rows: list[list[Cell]] = [[Name(one.name), Name(one.value), Name(one.built_in)] for one in given]
    said = f"All other settings are the built-in ones of modelspan {version('modelspan')}."
    if others is not None:
        said += (
            " These are the settings that the analyzer last ran by, as the audit log has them. This report was given "
            "others, or none, so that what it says of monitors and of when they alarm may not be theirs: name the "
            "analyzer's file with `--config`."
        )
    return Section("Settings", [Table(("setting", "value", "built in"), rows, "Nothing was set."), said])


def _audit(report: Report) -> Section:
    rows: list[list[Cell]] = [
        [one.timestamp, Name(one.actor), one.action, Name(one.version), Name(one.details)] for one in report.audit
    ]
    more = ["Older entries are in the audit log."] if report.audit_left_out else []
    table = Table(("time (UTC)", "who", "what", "version", "details"), rows, "Nothing is on record.")
    return Section("Audit trail", [table, *more])
