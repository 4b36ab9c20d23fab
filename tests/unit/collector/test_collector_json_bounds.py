"""How many values a JSON body holds is counted outside of its texts, whatever they hold."""

import json

from hypothesis import given
from hypothesis import strategies as st

from modelspan_collector.receive import bounds


@given(st.lists(st.text(alphabet='a,{["\\\\n', max_size=12), min_size=1, max_size=6))
def test_what_texts_hold_is_not_counted(texts: list[str]) -> None:
    """Escaped quotes and backslashes do not end a text, and what is in it is no value."""
    body = json.dumps(texts).encode()
    assert bounds._values(bounds._without_strings(body)) == len(texts)


def test_a_text_that_never_ends_takes_the_rest_along() -> None:
    """Nothing behind it is counted, nor looked at again."""
    assert bounds._without_strings(b'[1,"a\\",[' + b'\\",' * 1000) == b"[1,"
