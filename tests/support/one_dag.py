"""Running a DAG that a test has made: it is in no DAG folder, where `dag.test()` would look for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def found_by_airflow(made: Any, file: str) -> Iterator[None]:
    """Let `made.test()` find this DAG, as if `file` defined it, and no other."""
    from airflow.dag_processing import dagbag

    made.fileloc = made.relative_fileloc = file
    made.deadline = None  # as in lakehouse.orchestration.local_run
    bag = dagbag.DagBag("/dev/null")
    bag.dags[made.dag_id] = made
    with patch.object(dagbag, "BundleDagBag", lambda **_: bag):
        yield
