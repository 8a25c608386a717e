"""More of the same for `make test-soak`."""

from __future__ import annotations

from typing import Any

import pytest


def at_length(*values: Any) -> list[Any]:
    """Parameters that are only tried by `make test-soak`."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.soak) for value in values
    ]
