"""DAG build_profiles: gold from gated silver, one task per dbt model."""

from __future__ import annotations

from airflow.sdk import AssetAll, AssetAny, chain, dag, get_current_context, task

from dags._common import DAG_OPTIONS, PARAMS, asset, current_window, stage_task
from dags._gold import gate_gold
from dags._models import model_group, tests_and_docs
from lakehouse.config.folder import working_with
from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS, STREAMS, Stage
from lakehouse.orchestration.run_configuration import configuration_name, run_configuration
from lakehouse.tables import silver
from lakehouse.utils.foreign_errors import only_own_errors

# An ingest writes identities last: from then on its silver is at rest, and one event per ingest is one build. Events
# come alone.
SILVER_AT_REST = AssetAny(
    AssetAll(asset(silver("identities")), AssetAny(*(asset(silver(name)) for name in DATASETS if name not in STREAMS))),
    *(asset(silver(name)) for name in STREAMS),
)


@task(do_xcom_push=False)
@only_own_errors("check_gates")
def check_gates() -> None:
    """Fails and leaves gold as it is while the lake has an old layout, nothing was loaded, or the gate of a silver
    table is blocked; the error has the remedy."""
    from lakehouse.gold.preconditions import require_checked_and_open, require_loaded
    from lakehouse.gold.staleness import SILVER_TABLES
    from lakehouse.storage.layout_version import prepare_layout

    prepare_layout(current_window(), settings().lake)
    require_loaded(SILVER_TABLES)
    require_checked_and_open(SILVER_TABLES)


@task.short_circuit(do_xcom_push=False)
@only_own_errors("gold_is_outdated")
def gold_is_outdated() -> bool:
    """Skips the rest when gold is up to date: same silver, as-of moment, dbt project and segments."""
    from lakehouse.gold.build import begin_build

    with working_with(run_configuration(configuration_name(get_current_context()["dag_run"]))):
        return begin_build(current_window())


@dag(dag_id="build_profiles", schedule=SILVER_AT_REST, params=PARAMS, tags=["build", "dbt", "gold"], **DAG_OPTIONS)
def build_profiles() -> None:
    """### Silver to customer profiles, segments and suppressions (gold)

    | when | what | how long (sample) |
    |---|---|---|
    | an ingest or events are through (their assets) | check that all silver gates are open | < 1 s |
    | then | stop here when gold is up to date | < 1 s |
    | then | one task per dbt model, two at a time | about a second each |
    | then | dbt tests, then the gates of gold (asset `gold`) and the dbt docs (menu Browse > dbt docs) | seconds |

    When a gate of silver blocks, the run fails and gold stays as it is. When a gate of gold blocks, the run fails and
    the asset `gold` is not updated. `full` rebuilds incremental models.
    """
    models = model_group()
    chain(check_gates(), gold_is_outdated(), models)
    tests, docs = tests_and_docs()
    chain(models, tests, stage_task(Stage.GOLD, "built", "record_built"), [gate_gold(), docs])


build_profiles()
