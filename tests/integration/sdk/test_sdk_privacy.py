"""What is redacted appears nowhere on the wire: the test reads the wire."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import modelspan
from modelspan import truncate
from modelspan._redact import Redaction, Rule
from modelspan.testing import Receiver

SECRETS = [
    "alice@example.com",
    "123-45-6789",
    "geneva-street",
    "not-on-the-list",
    "tag-secret",
    "exception-secret",
    "log-secret",
]
SCRIPT = """
import logging, modelspan, pandas as pd
logging.basicConfig(level="DEBUG")
modelspan.configure(
    redact={"email": "drop", "ssn": "hash", "zip": modelspan.truncate(3), "address.*": "drop", "group": "drop"},
    allow_features=["email", "ssn", "zip", "age", "address.*", "note"],
)
row = {
    "email": "alice@example.com", "ssn": "123-45-6789", "zip": "80041", "age": 33,
    "address": {"street": "geneva-street"}, "hidden": "not-on-the-list", "note": "n" * 100 + "beyond-the-cap",
}
@modelspan.observe(model="m", version="1")
def predict(row): return 0.5
@modelspan.observe(model="b", version="1")
def predict_batch(table): return [0.5] * len(table)
@modelspan.observe(model="e", version="1")
def fail(row): raise ValueError("exception-secret alice@example.com")
with modelspan.tags(group="tag-secret", kept="yes"):
    predict(row)
    predict_batch(pd.DataFrame([{**row, "address": None, "odd": object()}] * 2))
    try: fail(row)
    except ValueError: pass
modelspan.register("m", "1")
predict(row)
assert modelspan.flush()
"""


def wire(receiver: Receiver) -> bytes:
    """All bytes that were received, those inside compressed Arrow streams in the clear."""
    clear = [request.body for request in receiver.requests]
    for event in ("modelspan.predictions", "modelspan.model", "modelspan.labels"):
        for table in receiver.tables(event):
            clear.append(str(table.schema).encode())
            clear += [str(row).encode() for row in table.to_pylist()]
            clear += [
                bytes(part) for column in table.columns for chunk in column.chunks for part in chunk.buffers() if part
            ]
    return b"\n".join(clear)


@pytest.mark.swallows("have no place")
def test_nothing_redacted_is_on_the_wire(run: Callable[..., Any], receiver: Receiver) -> None:
    """Dropped, hashed and cut values, unlisted features, and texts of exceptions are in no request of any signal."""
    run(SCRIPT, MODELSPAN_REDACT_KEY="key", MODELSPAN_MAX_STRING_LENGTH="100")
    seen = wire(receiver)
    assert [secret for secret in SECRETS if secret.encode() in seen] == []
    assert b"80041" not in seen
    hashed = hmac.new(b"key", b"123-45-6789", hashlib.sha256).hexdigest()[:32]
    spans = [span for span in receiver.spans() if span.name == "predict m"]
    on_span = {each.key: each.value.string_value for each in spans[0].attributes}
    rows = {row["modelspan.model.name"]: row for row in reversed(receiver.predictions())}
    assert (on_span["modelspan.feature.ssn"], on_span["modelspan.feature.zip"]) == (hashed, "800")
    assert [(row["feature.ssn"], row["feature.zip"]) for row in rows.values()] == [(hashed, "800")] * 3
    single = rows["m"]
    assert single["tag.kept"] == "yes"


def test_numbers_of_answers_and_of_their_truth_meet_the_rules_by_name(
    run: Callable[..., Any], receiver: Receiver
) -> None:
    """Of numbers no hash is kept: what is to be hashed or cut is dropped; a list of allowed features says nothing of
    answers."""
    script = """
import modelspan
modelspan.configure(redact={"salary": "drop", "zip*": "hash", "age": modelspan.truncate(1)}, allow_features=["x"])
answer = {"salary": 1234.5, "zipcode": 80041.0, "age": 33.0, "bonus": 7.0}
@modelspan.observe(model="m", task="multioutput")
def predict(row): return answer
predict({"x": 1.0})
one = modelspan.prediction_id()
modelspan.label(one, answer)
modelspan.label([one, "other"], [answer, {"salary": 1234.5, "bonus": 8.0}])
assert modelspan.flush()
"""
    run(script, MODELSPAN_REDACT_KEY="key")
    (row,) = receiver.predictions()
    assert {name: number for name, number in row.items() if name.startswith("output.")} == {"output.bonus": [7.0]}
    truths = [row for table in receiver.tables("modelspan.labels") for row in table.to_pylist()]
    assert len(truths) == 3
    assert {name for row in truths for name in row if name.startswith("output.")} == {"output.bonus"}


def test_features_can_stay_off_spans(run: Callable[..., Any], receiver: Receiver) -> None:
    """The choice of what spans carry does not touch the records."""
    script = """
import modelspan, sys
modelspan.configure()
modelspan.observe(model="m")(lambda row: 0.5)({"age": 3, "city": "Bern"})
modelspan.observe(model="only", span_features=["age"])(lambda row: 0.5)({"age": 3, "city": "Bern"})
assert modelspan.flush()
"""
    run(script, MODELSPAN_SPAN_FEATURES="false")
    carried = {
        span.name: [each.key for each in span.attributes if each.key.startswith("modelspan.feature.")]
        for span in receiver.spans()
    }
    assert carried == {"predict m": [], "predict only": ["modelspan.feature.age"]}
    assert all(row["feature.city"] == "Bern" for row in receiver.predictions())


@pytest.mark.swallows("holds no secret")
def test_hash_without_a_key_drops() -> None:
    """Without a secret there is no hash, which could be guessed, but nothing."""
    assert Redaction({"ssn": "hash"}).value("ssn", "123") is None


def test_first_rule_wins_and_unknown_rules_are_errors() -> None:
    """Rules are tried in their order; a rule that is none is an error at configuration, not at a call."""
    redaction = Redaction({"user.id": modelspan.truncate(1), "user.*": "drop"})
    assert (redaction.value("user.id", "abc"), redaction.value("user.name", "abc")) == ("a", None)
    with pytest.raises(ValueError, match=r"expected 'drop', 'hash' or modelspan.truncate"):
        modelspan.configure(redact={"a": "encrypt"})  # type: ignore[dict-item]


def test_batch_of_mixed_kinds(sdk: Callable[..., None], receiver: Receiver) -> None:
    """A table whose column is a number here and a text there arrives whole, each value as what it is."""
    sdk(endpoint=receiver.endpoint)
    modelspan.observe(model="m")(lambda table: [0.1, 0.2, 0.3])(pd.DataFrame({"u": [1, "bad", 3], "v": [7, 8, 9]}))
    assert modelspan.flush(60)
    told = [(row["feature.u"], row["feature.v"], row["value"]) for row in receiver.predictions()]
    assert told == [(1, 7, 0.1), (3, 9, 0.3), ("bad", 8, 0.2)]
    assert len({row["prediction_id"] for row in receiver.predictions()}) == 3


@pytest.mark.parametrize("rule", ["hash", truncate(8)])
def test_a_value_has_one_text_however_it_arrives(rule: Rule) -> None:
    """A whole number as a float, an instant in another zone or of another library: one digest, one beginning."""
    rules = Redaction({"id": rule}, key=b"secret")
    noon, berlin = datetime(2026, 1, 31, 12), timezone(timedelta(hours=1))
    alike: list[list[Any]] = [
        [2, 2.0, "2"],
        [noon, noon.replace(tzinfo=UTC), noon.replace(hour=13, tzinfo=berlin), pd.Timestamp(noon)],
        [timedelta(hours=30), pd.Timedelta(hours=30)],
    ]
    for several in alike:
        assert len({rules.value("id", each) for each in several}) == 1, several
        assert len({rules.columns("", {"id": pa.array([each])})["id"][0].as_py() for each in several}) == 1, several


@pytest.mark.parametrize("rule", ["hash", truncate(8)])
def test_what_is_missing_stays_missing_and_has_no_digest(rule: Rule) -> None:
    """Neither None nor NaN becomes a text, which would count as a value of its own."""
    rules = Redaction({"id": rule}, key=b"secret")
    assert rules.value("id", float("nan")) is rules.value("id", None) is None
    column = rules.columns("", {"id": pa.array([1.5, float("nan"), None])})["id"]
    assert column.is_valid().to_pylist() == [True, False, False]


def test_an_id_beside_fractions_keeps_its_digits(
    sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A double would round it, and another batch would have another digest for it."""
    monkeypatch.setenv("MODELSPAN_REDACT_KEY", "secret")
    sdk(endpoint=receiver.endpoint, redact={"account": "hash"})
    score = modelspan.observe(model="m")(lambda rows: [0.5] * len(rows))
    account = 2**53 + 1
    score(pd.DataFrame({"account": pd.Series([account, 0.5], dtype="object")}))
    score(pd.DataFrame({"account": [account]}))
    assert modelspan.flush(60)
    told = [row["feature.account"] for row in receiver.predictions()]
    assert sorted(map(told.count, set(told))) == [1, 2]


@pytest.mark.parametrize("account", [2**63 + 5, 2**64 - 1])
def test_an_id_of_64_bits_without_a_sign_has_one_digest_as_a_row_and_in_a_table(
    sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch, account: int
) -> None:
    """As of a hash: a row's was rounded to a double first, so that near ones had one digest, which no table gave."""
    monkeypatch.setenv("MODELSPAN_REDACT_KEY", "secret")
    sdk(endpoint=receiver.endpoint, redact={"account": "hash"})
    predict = modelspan.observe(model="m")(lambda row: 0.5)
    predict({"account": account})
    predict({"account": account - 1})
    predict({"account": account - 1})
    modelspan.observe(model="m")(lambda rows: [0.5] * len(rows))(pd.DataFrame({"account": [account]}))
    assert modelspan.flush(60)
    told = [row["feature.account"] for row in receiver.predictions()]
    assert sorted(map(told.count, set(told))) == [2, 2]
