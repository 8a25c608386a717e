"""What the stages import, imported ahead by a process whose forks then run them.

Libraries, and dbt's look at its project: nothing here connects, starts threads or reads data, so that a fork of it is
safe.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from lakehouse.contracts import Stage
from lakehouse.gold.dbt_manifest import preload_dbt_manifest

_ENGINE = ("pyspark.sql.connect.session", "lakehouse.spark.guard")
LIBRARIES: dict[Stage, tuple[str, ...]] = {
    Stage.EXTRACT: ("deltalake.fs", "pyarrow.dataset", "lakehouse.sources.extract", "lakehouse.sources.files"),
    Stage.BRONZE: (*_ENGINE, "spark_jobs.bronze_datasets"),
    Stage.SILVER: (*_ENGINE, "spark_jobs.silver_datasets"),
    Stage.IDENTITIES: (*_ENGINE, "pandas", "lakehouse.identities.increment", "spark_jobs.silver_identities"),
    Stage.GATE: (*_ENGINE, "great_expectations", "lakehouse.quality.gx.docs_view", "lakehouse.quality.gate"),
    Stage.GOLD: (*_ENGINE, "dbt.adapters.spark.session", "dbt.task.build", "lakehouse.gold.dbt_environment"),
    Stage.EXPORT: ("duckdb",),
}


def warm_up(stages: Iterable[Stage] = tuple(LIBRARIES)) -> None:
    """Import what these stages need, and for gold warm dbt up. Raises LakehouseError when dbt's project does not parse;
    the imports are done then."""
    chosen = set(stages)
    for stage in chosen:
        for library in LIBRARIES[stage]:
            importlib.import_module(library)
    if Stage.GOLD in chosen:
        preload_dbt_manifest()
