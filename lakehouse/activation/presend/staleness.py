"""What a run does about its inputs: which to read, and what follows when some could not be read in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.presend.freshness import Input, inputs
from lakehouse.activation.presend.request import SendRequest
from lakehouse.config.feeds import feeds
from lakehouse.config.settings import settings
from lakehouse.errors import TransientError


class StaleInputError(TransientError):
    """A source is older than the campaign allows, and the campaign holds then."""

    def __init__(self, campaign_id: str, told: Sequence[str]) -> None:
        super().__init__(
            f"campaign {campaign_id} is held: {'; '.join(told)}",
            "Repair the source and run again, or say in campaigns.yml (`freshness`) that the campaign may be sent with"
            " the data there is. Nothing is sent without fresh consents.",
        )


@dataclass(frozen=True)
class Inputs:
    """The inputs of the campaign of a run that was asked for at `asked_at`."""

    campaign_id: str
    asked_at: datetime
    all: tuple[Input, ...]

    @property
    def stale(self) -> tuple[Input, ...]:
        """Those that are older than the campaign allows."""
        return tuple(each for each in self.all if each.is_stale(self.asked_at))

    def sources(self, dataset: str) -> tuple[str, ...]:
        """All sources of a dataset."""
        return tuple(each.source for each in self.all if each.dataset == dataset)

    def told(self, dataset: str, source: str) -> str:
        """How old one input is, in words."""
        return next(each.told(self.asked_at) for each in self.all if (each.dataset, each.source) == (dataset, source))

    def to_read(self, dataset: str) -> tuple[str, ...] | None:
        """Sources of a dataset that have to be read; None when not even its table has anything to do."""
        of_dataset = [each for each in self.all if each.dataset == dataset]
        stale = tuple(each.source for each in of_dataset if each.is_stale(self.asked_at))
        is_done = bool(of_dataset) and all(each.is_loaded for each in of_dataset)
        return None if not stale and is_done else stale

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is sent although it is stale."""
        return tuple(f"sent with stale data: {told}" for told in self._told("send"))

    @property
    def dropped(self) -> tuple[str, ...]:
        """Why nothing is sent, as the campaign wants it; empty when it is sent."""
        return self._told("drop")

    @property
    def held(self) -> tuple[str, ...]:
        """Why the campaign waits for somebody; empty when it does not."""
        return self._told("hold")

    def refuse_held(self) -> None:
        """StaleInputError when the campaign is held."""
        if self.held:
            raise StaleInputError(self.campaign_id, self.held)

    def is_held_by(self, dataset: str) -> bool:
        """Whether a stale input of a dataset holds the campaign."""
        return any(each.dataset == dataset and each.rule.otherwise == "hold" for each in self.stale)

    def _told(self, otherwise: str) -> tuple[str, ...]:
        return tuple(each.told(self.asked_at) for each in self.stale if each.rule.otherwise == otherwise)


def inputs_of(chosen: Campaign, asked: SendRequest) -> Inputs:
    """The inputs of a campaign as a run looks at them now; none for a campaign that no run was asked to send."""
    if asked.asked_at is None:
        return Inputs(chosen.id, datetime.max.replace(tzinfo=UTC), ())
    return Inputs(chosen.id, asked.asked_at, inputs(chosen, asked.freshness, feeds(), settings().lake))
