"""Imported once by the process that the scheduler's task processes are forked from, so that no task pays seconds of imports.

Libraries, and dbt's look at its project: nothing here connects, starts threads or reads data, so that a fork of it is safe.
"""

from __future__ import annotations

import gc
import importlib
import logging

from lakehouse.errors import LakehouseError
from lakehouse.gold import warm_up

LIBRARIES = (
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.supervisor",
    "cosmos.operators.local",
    "cosmos.airflow.task_group",
    "dbt.adapters.spark",
    "deltalake",
    "duckdb",
    "great_expectations",
    "pandas",
    "pyarrow.dataset",
    "pyspark.sql.connect.session",
    "lakehouse.engine.connect",
    "lakehouse.sources.extract",
    "lakehouse.sources.files",
    "lakehouse.bronze",
    "lakehouse.silver.load",
    "lakehouse.quality.gate",
)

for library in LIBRARIES:
    importlib.import_module(library)
try:
    warm_up()
except LakehouseError as error:  # the DAGs say so where people look; the scheduler must live to show it
    logging.getLogger(__name__).warning("dbt has not read its project beforehand: %s", error)
gc.collect()
gc.freeze()  # garbage collections in the tasks then leave the shared pages alone
