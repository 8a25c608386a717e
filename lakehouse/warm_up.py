"""What the stages import, imported ahead by a process whose forks then run them.

Libraries, and dbt's look at its project: nothing here connects, starts threads or reads data, so that a fork of it is safe.
"""

from __future__ import annotations

import importlib

from lakehouse.gold import warm_up_dbt

LIBRARIES = (
    "dbt.adapters.spark.session",
    "dbt.task.build",
    "deltalake.fs",
    "duckdb",
    "great_expectations",
    "pandas",
    "pyarrow.dataset",
    "pyspark.sql.connect.session",
    "lakehouse.bronze",
    "lakehouse.engine.dbt_connection",
    "lakehouse.engine.guard",
    "lakehouse.identities.changes",
    "lakehouse.quality.docs_view",
    "lakehouse.quality.gate",
    "lakehouse.silver.load",
    "lakehouse.sources.extract",
    "lakehouse.sources.files",
    "spark_jobs.bronze_datasets",
    "spark_jobs.silver_identities",
)


def warm_up_stages() -> None:
    """Import what every stage needs and warm dbt up. Raises LakehouseError when dbt's project does not parse; the imports are done then."""
    for library in LIBRARIES:
        importlib.import_module(library)
    warm_up_dbt()
