"""Fast JSON: what is written and read again is the same, as any other parser understands it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.utils.canonical_json import json_text
from lakehouse.utils.plain_json import parsed_json, plain_json

PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


@given(PLAIN)
def test_values_come_back(value: Any) -> None:
    assert json.loads(plain_json(value)) == value
    assert parsed_json(json_text(value)) == value == parsed_json(plain_json(value))
