"""The stages of a campaign as a run was asked for them: to each destination, and without sending in a dry run.

One destination that fails does not keep the others from theirs; its error is raised at the end.
"""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace

from lakehouse.activation.presend.recorded import is_dry_run, requested_campaign
from lakehouse.activation.presend.staleness import inputs_of
from lakehouse.activation.records.destination_state import EXPORTS
from lakehouse.config.settings import settings
from lakehouse.errors import LakehouseError, combined_error
from lakehouse.outcome import TableOutcome, summed
from lakehouse.utils.foreign_errors import as_ours
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)
DRY_RUN = "dry run: nothing is sent"
DROPPED = "the campaign is dropped: "
_Stage = Callable[[str, BatchWindow], list[TableOutcome]]


@dataclass(frozen=True)
class _ToEach:
    """A stage that works for one destination, as one for all that a run was asked for.

    Attributes:
        place: `module:function` of the stage; imported when it runs.
        needs_all: whether it fails when it fails for one destination; otherwise that is a warning, as long as there is
            another one.
    """

    place: str
    needs_all: bool = True

    def __call__(self, target: str, window: BatchWindow) -> list[TableOutcome]:
        """Outcomes of all destinations of campaign `target`. Raises what the stage raises, unless it is pending for
        another destination."""
        _, asked = requested_campaign(target, window.run_id, settings().lake)
        stage: _Stage = pkgutil.resolve_name(self.place)
        outcomes, errors = list[TableOutcome](), list[LakehouseError]()
        for destination in asked.destinations:
            try:
                outcomes += stage(f"{asked.campaign_id}@{destination}", window)
            except Exception as error:  # noqa: BLE001 - raised below
                log.error("campaign %s, %s: %s", asked.campaign_id, destination, error)
                errors.append(as_ours(error, f"campaign {asked.campaign_id} to {destination}"))
        done = summed(EXPORTS, outcomes)
        if errors and not done.is_pending and (self.needs_all or not outcomes):
            raise combined_error(f"destinations of campaign {asked.campaign_id}", errors)
        return [replace(done, warnings=(*done.warnings, *map(str, errors)))]


# The export of a destination without a plan says by itself what is wrong with it, and guards ask about it all the same.
_plan = _ToEach("lakehouse.activation.planning.stage:plan_campaign", needs_all=False)
_preview = _ToEach("lakehouse.activation.preview.make:preview_campaign")
_export = _ToEach("lakehouse.activation.export:export_campaign")
_removals = _ToEach("lakehouse.activation.export:remove_refused")
_ready = _ToEach("lakehouse.activation.ready:look_for_export")


def plan(target: str, window: BatchWindow) -> list[TableOutcome]:
    """The plan for each destination; skipped for a campaign that is dropped."""
    return _unless_dropped(_plan, target, window)


def preview(target: str, window: BatchWindow) -> list[TableOutcome]:
    """The preview for each destination; skipped for a campaign that is dropped."""
    return _unless_dropped(_preview, target, window)


def export(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Export to each destination.

    Nothing is sent in a dry run. Of a campaign that is dropped, or held, because of a source that could not be read in
    time, only customers who must not be written to are removed. Raises what `export_campaign` raises, and
    StaleInputError for a campaign that is held.
    """
    chosen, asked = requested_campaign(target, window.run_id, settings().lake)
    if asked.is_dry_run:
        return _skipped(DRY_RUN)
    found = inputs_of(chosen, asked)
    if not found.dropped and not found.held:
        return _export(target, window)
    removed = _removals(target, window)
    found.refuse_held()
    return [replace(done, warnings=(*done.warnings, *map(_dropped, found.dropped)), skipped=False) for done in removed]


def remove_refused(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Remove who must not be written to from each destination; nothing in a dry run."""
    return _skipped(DRY_RUN) if is_dry_run(window.run_id, settings().lake) else _removals(target, window)


def ready(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Whether each destination shows what was exported; there is nothing to look for in a dry run."""
    if is_dry_run(window.run_id, settings().lake):
        return _skipped(DRY_RUN)
    return _unless_dropped(_ready, target, window)


def _unless_dropped(stage: _ToEach, target: str, window: BatchWindow) -> list[TableOutcome]:
    dropped = inputs_of(*requested_campaign(target, window.run_id, settings().lake)).dropped
    return _skipped(*map(_dropped, dropped)) if dropped else stage(target, window)


def _skipped(*notes: str) -> list[TableOutcome]:
    return [TableOutcome(EXPORTS, skipped=True, notes=notes)]


def _dropped(told: str) -> str:
    return DROPPED + told
