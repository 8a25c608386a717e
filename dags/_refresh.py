"""Refreshing what a campaign needs: a dataset in one task, and only those sources that are older than it allows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context

from dags._common import LOAD_STAGES, configured, current_window, work
from lakehouse.config.settings import settings
from lakehouse.contracts import Stage
from lakehouse.orchestration.report.models import IS_REBUILT
from lakehouse.tables import silver

if TYPE_CHECKING:
    from lakehouse.activation.presend.staleness import Inputs

log = logging.getLogger(__name__)


def inputs_now() -> Inputs:
    """The inputs of the campaign as the run of the running task looks at them now."""
    from lakehouse.activation.presend.recorded import requested_campaign
    from lakehouse.activation.presend.staleness import inputs_of

    with configured():
        target, run_id = get_current_context()["params"]["campaign_id"], current_window().run_id
        return inputs_of(*requested_campaign(target, run_id, settings().lake))


def tell_freshness() -> None:
    """Log every input with its age, and whether it is read."""
    found = inputs_now()
    for each in sorted(found.all, key=lambda each: (each.dataset, each.source)):
        verb = "is read" if each.is_stale(found.asked_at) else "is fresh"
        log.info("%s: %s", verb, each.told(found.asked_at))


def refresh(dataset: str) -> None:
    """All stages of one dataset in one task, each also when the one before failed; raises the first error at the end.

    A source that is fresh enough is not read, and a dataset with nothing else to do is left alone. A source that is
    down must not keep what the others delivered from silver; the error makes the task fail, unless the campaign is
    sent, or dropped, without it.
    """
    found = inputs_now()
    stale, everything = found.to_read(dataset), found.sources(dataset)
    if _rebuilds():
        stale = everything
    for source in set(everything) - set(stale or ()):
        log.info("not read again: %s", found.told(dataset, source))
    if stale is None:
        log.info("%s is fresh, and nothing is done", dataset)
        return
    each_source: list[dict[str, Any]] = [{}] if stale == everything else [{"source": name} for name in stale]
    unread = _failures([(Stage.EXTRACT, dataset, given) for given in each_source])
    others = [(stage, dataset, {}) for stage in LOAD_STAGES[1:]]
    failed = _failures([*others, (Stage.GATE, str(silver(dataset)), {})])
    if unread and not inputs_now().is_held_by(dataset):
        log.warning("the campaign does not wait for %s", dataset)
        unread = []
    if unread or failed:
        raise (unread or failed)[0]


def _rebuilds() -> bool:
    run = get_current_context()["dag_run"]
    return current_window().is_full and not (run.conf or {}).get(IS_REBUILT)


def _failures(steps: Sequence[tuple[Stage, str, dict[str, Any]]]) -> list[Exception]:
    """Run the stages, each also when the one before failed; the errors of those that did."""
    failed: list[Exception] = []
    for stage, target, given in steps:
        try:
            work(stage, target, **given)
        except Exception as error:  # noqa: BLE001 - raised by the caller
            log.error("%s of %s: %s", stage, target, error)
            failed.append(error)
    return failed
