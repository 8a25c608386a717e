"""Why an export could not go on at a platform."""

from __future__ import annotations

from datetime import datetime

from lakehouse.errors import TerminalError, TransientError


class PlatformUnavailableError(TransientError):
    """A platform cannot be reached, or fails again and again."""

    def __init__(self, account: str, reason: str) -> None:
        super().__init__(
            f"account {account}: {reason}",
            "What was sent is on record, and the next attempt goes on from there. Look at the platform's status page"
            " when it happens again.",
        )


class CredentialsRefusedError(TerminalError):
    """A platform does not know the caller."""

    def __init__(self, account: str, status: int) -> None:
        super().__init__(
            f"account {account}: the platform refuses the credentials (HTTP {status})",
            f"Renew the credentials that conf/destinations.yml refers to for {account}, see that they may write"
            " profiles, and run again. What was sent before is on record and is not sent again.",
        )


class DeadlineError(TerminalError):
    """The time for sending is over."""

    def __init__(self, account: str, deadline: datetime) -> None:
        super().__init__(
            f"account {account}: the deadline ({deadline:%Y-%m-%d %H:%M:%S} UTC) has passed; the rest was not sent",
            "Run again with a later deadline if the rest may still go; what was sent is on record.",
        )


class UnexpectedAnswerError(TerminalError):
    """A platform's answer cannot be read."""

    def __init__(self, account: str, what: str) -> None:
        super().__init__(
            f"account {account}: {what}",
            "Check `base_url` in conf/destinations.yml: something else may answer there. If it is right, the platform"
            " has changed its API.",
        )


class StoppedError(TransientError):
    """The process was asked to end: what was under way was finished and recorded."""

    def __init__(self, account: str) -> None:
        super().__init__(
            f"account {account}: stopped by a signal; calls under way were finished and recorded",
            "Run again: it goes on from there.",
        )
