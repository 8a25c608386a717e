"""DAG pre_send_refresh: right before a send, everything stale about one campaign is refreshed and the difference
exported."""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.sdk import AsyncCallback, DeadlineAlert, TaskGroup, TriggerRule, chain, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags._common import DAG_OPTIONS, DEFAULTS, REFERS_TO, asset, current_window, identities_group, watcher, work
from dags._gold import check_gold, gate_gold
from dags._ready import Ready
from dags._refresh import refresh, tell_freshness
from dags._send_request import FIELDS, form
from lakehouse.config.settings import settings
from lakehouse.contracts import DATASETS, STREAMS, Stage
from lakehouse.errors import ConfigurationError, LakehouseError, OtherGoldError
from lakehouse.orchestration import pools
from lakehouse.orchestration.airflow_config import base_url
from lakehouse.orchestration.approval import FORM, ApproveSend
from lakehouse.orchestration.report.models import ALLOWS_PAST_SEND
from lakehouse.orchestration.send_deadline import SendDeadline, tell_missed_deadline
from lakehouse.tables import ops
from lakehouse.utils.foreign_errors import only_own_errors

log = logging.getLogger(__name__)
# One of them exports; the others refresh, or wait for a person or for their platform.
CAMPAIGNS_AT_ONCE = 8
# Runs also when a task before it failed, but not when none succeeded (the request was refused).
IF_REQUESTED = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS


@task(do_xcom_push=False)
def request() -> None:
    """What is to be sent, checked before anything begins and noted in ops.send_requests."""
    context = get_current_context()
    params, conf = context["params"], context["dag_run"].conf or {}
    asked = {name: params[name] for name in FIELDS}
    work(Stage.REQUEST, params["campaign_id"], form=asked, allows_past=bool(conf.get(ALLOWS_PAST_SEND)))


@task(do_xcom_push=False)
@only_own_errors("freshness")
def freshness() -> None:
    """How old every input is, and which are read: those that are older than the campaign allows."""
    tell_freshness()


@task(trigger_rule=IF_REQUESTED, do_xcom_push=False)
def refresh_dataset(dataset: str) -> None:
    """What was delivered since the last run, up to the gate, unless it is fresh enough; every stage finds by itself
    that there is nothing to do."""
    refresh(dataset)


@task(pool=pools.GOLD, pool_slots=pools.GOLD_SLOTS, do_xcom_push=False)
def build_gold() -> None:
    """The models downstream of what changed, in one dbt invocation; nothing when gold is up to date with silver and the
    as-of time."""
    work(Stage.GOLD, "build")


def own_gold() -> None:
    """Where another run has built gold since this one did, build and check it again."""
    from lakehouse.activation.export import require_own_gold

    try:
        require_own_gold(current_window())
    except OtherGoldError as error:
        log.warning("%s", error)
        work(Stage.GOLD, "build")
        check_gold()


@task(pool=pools.EXPORTS, do_xcom_push=False)
def plan() -> None:
    """What the export would do, and whether it is ready in time, before anything leaves."""
    from lakehouse.orchestration.send_alerts import alert_of_delay

    own_gold()
    work(Stage.PLAN, get_current_context()["params"]["campaign_id"])
    alert_of_delay(get_current_context()["params"]["campaign_id"], current_window().run_id)


@task(pool=pools.EXPORTS, do_xcom_push=False)
def preview() -> None:
    """The mails of some recipients, as a page; a template that is not valid stops the run here."""
    own_gold()
    try:
        work(Stage.PREVIEW, get_current_context()["params"]["campaign_id"])
    except LakehouseError as error:
        if isinstance(error, ConfigurationError):
            raise
        log.warning("there is no preview, and the export goes on without: %s", error)
    else:
        log.info("it is also in the menu, Browse, Campaigns: %s/lakehouse/campaigns/index.html", base_url())


@task(
    pool=pools.EXPORTS,
    outlets=[asset(ops("exports"))],
    trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    do_xcom_push=False,
)
def export() -> None:
    """Audience, consent firewall, difference to what the platform has, delivery; run again, it sends nothing twice."""
    own_gold()
    work(Stage.EXPORT, get_current_context()["params"]["campaign_id"])


@task(pool=pools.EXPORTS, trigger_rule=TriggerRule.ONE_FAILED, do_xcom_push=False)
def remove_refused() -> None:
    """When the export cannot run: who must not be written to is removed from the destination all the same."""
    from lakehouse.activation.presend.recorded import request_of

    if request_of(current_window().run_id, settings().lake) is None:
        raise AirflowSkipException("The request was refused: nobody knows whom this run is about.")
    work(Stage.REMOVALS, get_current_context()["params"]["campaign_id"])


@task(trigger_rule=TriggerRule.ALL_DONE, do_xcom_push=False)
@only_own_errors("outcome")
def outcome() -> None:
    """What was sent, or that nothing was and why, with the remedy and where the pages are: always, whatever failed."""
    from lakehouse.orchestration.report.run_outcome import log_outcome
    from lakehouse.orchestration.send_alerts import alert_of_outcome

    run = get_current_context()["dag_run"]
    states = get_current_context()["ti"].get_task_states(run.dag_id, run_ids=[run.run_id])[run.run_id]
    campaign_id, run_id = get_current_context()["params"]["campaign_id"], current_window().run_id
    alert_of_outcome(campaign_id, run_id, log_outcome(campaign_id, run_id, states))


@dag(
    dag_id="pre_send_refresh",
    schedule=None,
    params=form(),
    deadline=DeadlineAlert(
        name="ready for the send",
        reference=SendDeadline(),
        interval=timedelta(0),
        callback=AsyncCallback(tell_missed_deadline),
    ),
    tags=["campaign", "export"],
    **DAG_OPTIONS
    | {
        "max_active_runs": CAMPAIGNS_AT_ONCE,
        "default_args": DEFAULTS | {"weight_rule": "upstream"},  # the run that is further on goes first
    },
)
def pre_send_refresh() -> None:
    """### Fresh profiles for one campaign, then its export

    | when | what | how long (sample) |
    |---|---|---|
    | triggered by a campaign manager | what to send is checked: campaign, time, destinations, freshness | a moment |
    | then | new deliveries of every dataset, up to the gate | a second each when there is
      nothing new |
    | then | identities, gold in one dbt invocation, gates of gold | seconds |
    | then | the plan: rows, calls, bytes, when it is ready | a second |
    | then | a preview of some mails, as a page | a second |
    | then | approval by a person, only when a guard asks: menu *Browse*, *Required Actions* | until the answer |
    | then | export: audience, hold-out, consent firewall, difference, delivery to the platform | seconds |
    | then | what was exported is looked for on the platform until it is there | until the platform is done |
    | last | what was sent, or why nothing was: in the log of `outcome`, and in the menu *Browse*, *Campaigns* | |

    Nothing is sent unless every source was read and every gate is open: a send must not rest on yesterday's consents.
    Removals do not wait: who must not be written to is removed from the destination also when a gate blocks.
    """
    requested, aged = request(), freshness()
    requested >> aged
    with TaskGroup("refresh"):
        refreshed = {
            name: refresh_dataset.override(task_id=name, pool=pools.dataset_pool(name))(name)
            for name in DATASETS
            if name not in STREAMS
        }
        for name, referred in REFERS_TO.items():
            refreshed[referred] >> refreshed[name]
        aged >> list(refreshed.values())
    identified = identities_group(after=[aged, *refreshed.values()], rule=IF_REQUESTED)
    built = build_gold()
    [*refreshed.values(), identified] >> built
    gated, planned, previewed = gate_gold(), plan(), preview()
    approved = ApproveSend(
        task_id="approve",
        campaign_id="{{ params.campaign_id }}",
        window_run_id="{{ dag_run.dag_id }}.{{ dag_run.run_id }}",
        params=FORM,
    )
    exported, removed = export(), remove_refused()
    found = Ready(task_id="ready", trigger_rule=IF_REQUESTED)
    chain(built, gated, planned, previewed, approved, exported, found)
    previewed >> exported  # also when nobody had to approve it
    previewed >> found  # also when the export failed: it may have reached other destinations
    [built, gated, planned, previewed, approved] >> removed
    [found, removed] >> outcome()
    [
        requested,
        aged,
        *refreshed.values(),
        identified,
        built,
        gated,
        planned,
        previewed,
        approved,
        exported,
        found,
        removed,
    ] >> watcher()


pre_send_refresh()
