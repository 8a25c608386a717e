"""Of every table it is written down what it can be made from again, and what is lost with it."""

from __future__ import annotations

import pytest

from lakehouse.contracts import OPS_TABLES
from lakehouse.contracts.origins import _OF_TABLE, origin_of
from lakehouse.tables import TableRef, ops


@pytest.mark.parametrize("name", OPS_TABLES)
def test_every_ops_table_has_an_origin(name: str) -> None:
    assert origin_of(ops(name)).made_from


def test_no_origin_is_left_of_a_table_that_is_gone() -> None:
    named = {TableRef.parse(name).name for name in _OF_TABLE if name.startswith("ops.")}
    assert named <= OPS_TABLES.keys()
