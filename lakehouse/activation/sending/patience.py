"""What an export puts up with at a platform, and what it had to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How much an export puts up with.

    Attributes:
        seconds: for one call, with all its repetitions.
        call_timeout: seconds for one attempt.
        failures: in a row until the breaker opens.
        pause: seconds until it lets one call through to see.
        retry_share: repetitions per call, over all calls; more mean that the platform is not well.
        free_retries: repetitions that are allowed in any case.
        longest_wait: seconds that are waited at most because an answer asks for it.
    """

    seconds: float = 600.0
    call_timeout: float = 130.0
    failures: int = 8
    pause: float = 10.0
    retry_share: float = 0.2
    free_retries: int = 20
    longest_wait: float = 300.0


@dataclass
class Tally:
    """What was called.

    `unknown` counts attempts of which nobody knows whether the platform has applied them; each was made again.
    """

    calls: int = 0
    answered: int = 0
    repeated: int = 0
    throttled: int = 0
    unknown: int = 0
    bytes_sent: int = 0

    def __str__(self) -> str:
        said = f"{self.calls} calls, {self.bytes_sent} bytes"
        kinds = {"repeated": self.repeated, "told to wait": self.throttled, "of unknown outcome": self.unknown}
        return ", ".join([said, *(f"{count} {kind}" for kind, count in kinds.items() if count)])
