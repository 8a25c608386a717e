"""What the profile API counts for Prometheus."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter

from lakehouse.profiles.serving import Answer

NONE = "none"


class ProfileMetrics:
    """Counts of one profile API.

    Attributes:
        registry: all of them, and what the application measures itself.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "lakehouse_profile_answers",
            "Profiles that were asked for, by source: stores that answered, cache, fallback, none (nothing is known)",
            ["source"],
            registry=self.registry,
        )

    def count(self, asked: Sequence[str], found: Mapping[str, Answer]) -> Mapping[str, Answer]:
        """Count what was found of those that were asked for, and return it."""
        sources = Counts(found[name].source if name in found else NONE for name in asked)
        for source, count in sources.items():
            self._answers.labels(source).inc(count)
        return found
