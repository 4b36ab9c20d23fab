"""The rules of redaction, on names and on text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan._redact import Redaction as SdkRedaction
from modelspan_collector.access.redact_text import redact_text
from modelspan_collector.access.rules import STRUCTURAL, Redaction, unescape

SECRET = "SECRET-c0ffee"
MASK = r"SECRET-[0-9a-f]+"


def test_names_are_met_with_and_without_our_prefixes() -> None:
    """An allow-list drops the rest but what a row needs to be one."""
    rules = Redaction(drop=("ssn",), hash=("user.*",), allow=("age", "user.*"), key=b"k")
    names = ["modelspan.feature.ssn", "user.id", "feature.age", "other", "modelspan.model.name", "service.name"]
    assert [rules.action(name) for name in names] == ["drop", "hash", "keep", "drop", "keep", "keep"]


@pytest.mark.parametrize("name", ["email", "Email", "USER_EMAIL", "client.eMail.2", "feature.EMAIL", "\uff45mail"])
@pytest.mark.parametrize("pattern", ["*email*", "*Email*", "*EMAIL*"])
def test_names_are_met_whatever_their_case(name: str, pattern: str) -> None:
    """In the collector and in the SDK, by one rule."""
    assert Redaction(drop=(pattern,)).action(name) == "drop"
    assert SdkRedaction({pattern: "drop"}).removes(name)


@pytest.mark.parametrize("name", sorted(STRUCTURAL))
def test_what_shares_the_beginning_of_a_name_that_a_row_needs_is_not_needed(name: str) -> None:
    """An allow-list keeps exactly the names that are listed, not what continues or precedes them."""
    rules = Redaction(allow=("country",))
    assert rules.action(name) == "keep"
    others = (f"{name}.secret", f"{name}s", f"x.{name}", name.rpartition(".")[0] + ".email")
    assert {rules.action(other) for other in others} == {"drop"}


def test_what_is_to_be_hashed_without_a_key_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """A hash that everybody can compute hides nothing; the log says what to give."""
    assert Redaction(hash=("ssn",)).action("ssn") == "drop"
    assert "--hash-key" in caplog.text


KEYS = st.sampled_from(["a", "note", "x y", "caf\u00e9"])
HIDDEN = st.sampled_from(["email", "Email", "USER_EMAIL"])
PLAIN: Any = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@st.composite
def documents(draw: st.DrawFn, bare: bool) -> Any:
    """JSON with the secret somewhere: under a hidden name, or, where `bare`, anywhere, as name or value."""
    node: Any = draw(st.sampled_from([SECRET, [SECRET], {"a": SECRET}]))
    node = {SECRET: 1} if bare and draw(st.booleans()) else node
    wrapped = [] if bare else [{draw(HIDDEN): node}]
    node = wrapped[0] if wrapped else [node]
    for _ in range(draw(st.integers(0, 4))):
        match draw(st.sampled_from(["list", "object", "text"])):
            case "list":
                node = [draw(PLAIN), node, draw(PLAIN)]
            case "object":
                node = {draw(KEYS): draw(PLAIN), "z": node}
            case _:
                node = {"z": json.dumps(node)}
    return node


@st.composite
def spellings(draw: st.DrawFn, bare: bool) -> str:
    """A text of it, as people's loggers write them."""
    node = draw(documents(bare))
    text = json.dumps(node, indent=draw(st.sampled_from([None, 1])), ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = text.replace("S", "\\u0053").replace("email", "em\\u0061il")
    match draw(st.sampled_from(["whole", "mark", "lines", "prefix", "cut", "repr", "deep", "twice"])):
        case "mark":
            return "\ufeff" + text
        case "lines":
            return '{"fine": 1}\n' + text.replace("\n", "") + '\n{"fine": NaN}\n'
        case "prefix":
            return "INFO user=" + text + " done"
        case "cut":
            return text + "]"
        case "repr":
            return repr(node)
        case "deep":
            return "[" * 5000 + text + "]" * 5000
        case "twice":
            return f'{{"z": {text}, "z": 1}}'
    return text


def shown(text: str | None) -> str:
    """A text with its escapes spelt out, and without."""
    return "" if text is None else text + unescape(text)


@given(spellings(bare=False))
def test_no_text_hides_what_stands_under_a_name(text: str) -> None:
    """JSON in whatever dress: what stands behind a name that is dropped is gone, or all of the text is."""
    kept, touched = redact_text(Redaction(drop=("*email*",)), text)
    assert SECRET not in shown(kept)
    assert touched > 0
    assert SECRET not in shown(redact_text(Redaction(allow=("a", "z", "fine", "log.body")), text, "log.body")[0])


@given(spellings(bare=True))
def test_no_text_hides_what_a_mask_meets(text: str) -> None:
    """Escaped, nested, as name or value."""
    kept, touched = redact_text(Redaction(mask=(MASK,)), text)
    assert SECRET not in shown(kept)
    assert touched > 0


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)))
def test_what_no_rule_meets_stays_to_the_letter(node: Any) -> None:
    """Redaction does not rewrite what it has nothing against."""
    text = json.dumps(node, indent=2)
    assert redact_text(Redaction(drop=("*email*",), mask=(MASK,)), text) == (text, 0)
