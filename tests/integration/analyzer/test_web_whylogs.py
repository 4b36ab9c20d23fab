"""Profiles of whylogs that are posted become a baseline, without what redaction keeps out of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_port import redacting
from whylogs_profiles import Made, make

from modelspan_analyzer.reading.baselines import active
from modelspan_analyzer.reading.profiles.read import baseline_profile
from modelspan_analyzer.whylogs.profile_file import MEDIA_TYPE
from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store

SECRET, DIGITS = "SECRET-c0ffee", 4111_1111_1111_1111
RULES = Redaction(
    drop=("*email*",), hash=("user", "income"), mask=(r"SECRET-[0-9a-f]+", r"4111\d{12}"), key=b"a key of the hashes"
)
ROWS = {
    "user": ["ann-4711", "bob"] * 200,
    "User_EMAIL": ["ann@example.org", "x"] * 200,
    "note": [f"about {SECRET}", "y"] * 200,
    f"named {SECRET}": [1.5, 2.5] * 200,
    "card": [DIGITS, 5, 7, 9] * 100,
    "income": [1.5, 2.5, 3.5, 4.5] * 100,
    "age": list(range(400)),
}


@pytest.fixture(scope="module")
def made(whylogs_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The rows, in two profiles."""
    return make(whylogs_python, tmp_path_factory.mktemp("posted"), ROWS, parts=2)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[httpx.Client]:
    """Sends to the web port of an instance that redacts."""
    with redacting(store, tmp_path, RULES) as opened:
        yield opened


def test_profiles_one_behind_the_other_are_one_baseline(client: httpx.Client, store: Store, made: Made) -> None:
    """It says what it is, wherever it is shown; names are dropped or hashed, texts and whole numbers masked."""
    body = b"".join(path.read_bytes() for path in made.parts)
    asked = {"model": "m", "source": f"of {SECRET}", "prediction": "age", "task": "regression"}
    told = client.post("/api/baselines", params=asked, content=body, headers={"content-type": MEDIA_TYPE})
    assert told.status_code == 201, told.text
    assert (told.json()["kind"], told.json()["rows"]) == ("profile", 400)
    assert told.json()["source"] == "2 whylogs profiles, 400 rows, no rows kept: of ***"
    left_out = told.json()["left_out"]
    assert any("'User_EMAIL'" in said and "redaction" in said for said in left_out)
    assert any("'income'" in said and "have no hash" in said for said in left_out)
    (listed,) = client.get("/api/baselines", params={"model": "m"}).json()
    assert listed["source"] == told.json()["source"]

    baseline = active(store, "m", None)
    assert baseline is not None
    profile = baseline_profile(store, baseline)
    assert profile.features.keys() == {"user", "note", "named ***", "card"}
    user, note, card = (profile.features[name] for name in ("user", "note", "card"))
    assert user.texts is not None and user.texts.counts == {RULES.digest("ann-4711"): 200, RULES.digest("bob"): 200}
    assert note.texts is not None and note.texts.counts == {"about ***": 200, "y": 200}
    assert card.numbers is not None and card.numbers.support is not None
    assert (card.numbers.support.values.tolist(), card.numbers.maximum) == ([5, 7, 9], 9)
    kept = repr(store.rows("SELECT * FROM reference_profiles"))
    assert not [hidden for hidden in (SECRET, "ann@example.org", "ann-4711", str(DIGITS)) if hidden in kept]


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"PAR1 something", "what was posted is no profile of whylogs 1.x"), (b"WHY1\x00", "is cut off or damaged")],
)
def test_what_is_no_profile_is_refused(client: httpx.Client, body: bytes, said: str) -> None:
    """With a word on what it is."""
    told = client.post("/api/baselines", params={"model": "m"}, content=body, headers={"content-type": MEDIA_TYPE})
    assert (told.status_code, said in told.json()["error"]) == (400, True), told.text


def test_the_page_of_the_model_says_that_no_rows_were_kept(client: httpx.Client, made: Made) -> None:
    """As what it is compared with."""
    body = made.parts[0].read_bytes()
    asked = {"model": "m", "version": "1", "source": "p.bin"}
    assert client.post("/api/baselines", params=asked, content=body, headers={"content-type": MEDIA_TYPE}).is_success
    shown = client.get("/model", params={"model": "m", "version": "1"})
    assert (shown.status_code, "whylogs profile, 200 rows, no rows kept: p.bin" in shown.text) == (200, True)
