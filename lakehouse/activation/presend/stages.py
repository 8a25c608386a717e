"""The stages of a campaign as a run was asked for them: to each destination, and without sending in a dry run.

One destination that fails does not keep the others from theirs; the first error is raised at the end.
"""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from lakehouse.activation.destination_state import EXPORTS
from lakehouse.activation.presend.recorded import requested_campaign
from lakehouse.config.settings import settings
from lakehouse.errors import LakehouseError, combined_error
from lakehouse.outcome import TableOutcome, summed
from lakehouse.utils.foreign_errors import as_ours
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)
DRY_RUN = "dry run: nothing is sent"
_Stage = Callable[[str, BatchWindow], list[TableOutcome]]


@dataclass(frozen=True)
class _ToEach:
    """A stage that works for one destination, as one for all that a run was asked for.

    Attributes:
        place: `module:function` of the stage; imported when it runs.
        sends: whether a dry run leaves it out.
    """

    place: str
    sends: bool = True

    def __call__(self, target: str, window: BatchWindow) -> list[TableOutcome]:
        """Outcomes of all destinations of campaign `target`. Raises what the stage raises."""
        _, asked = requested_campaign(target, window.run_id, settings().lake)
        if asked.is_dry_run and self.sends:
            return [TableOutcome(EXPORTS, skipped=True, notes=(DRY_RUN,))]
        stage: _Stage = pkgutil.resolve_name(self.place)
        outcomes, errors = list[TableOutcome](), list[LakehouseError]()
        for destination in asked.destinations:
            try:
                outcomes += stage(f"{asked.campaign_id}@{destination}", window)
            except Exception as error:  # noqa: BLE001 - raised below
                log.error("campaign %s, %s: %s", asked.campaign_id, destination, error)
                errors.append(as_ours(error, f"campaign {asked.campaign_id} to {destination}"))
        if errors:
            raise combined_error(f"destinations of campaign {asked.campaign_id}", errors)
        return [summed(EXPORTS, outcomes)]


plan = _ToEach("lakehouse.activation.planning.stage:plan_campaign", sends=False)
preview = _ToEach("lakehouse.activation.preview.make:preview_campaign", sends=False)
export = _ToEach("lakehouse.activation.export:export_campaign")
remove_refused = _ToEach("lakehouse.activation.export:remove_refused")
ready = _ToEach("lakehouse.activation.ready:await_ready")
