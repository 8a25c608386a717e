"""What a file of scripted faults may say: what goes wrong, on which requests, how often.

    faults:
      - fault: too_many_requests
        path: ^POST /api/profile-bulk-import-jobs
        nth: 2
        retry_after: seconds

docs/simulate-a-platform.md is the reference.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from lakehouse.config.yaml_file import load_yaml


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression ({error}); expected e.g. ^POST /api/") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Selection(_Declared):
    """Which of several things, counted from 1: one of nth, every and share, or all of them."""

    nth: int | None = Field(None, ge=1, description="a number from 1: only that one")
    every: int | None = Field(None, ge=1, description="a number from 1: every n-th one")
    share: float | None = Field(None, gt=0, le=1, description="a probability, 0 < share <= 1")
    seed: int = Field(0, description="a whole number; the same seed chooses the same ones")

    @model_validator(mode="after")
    def _one_way(self) -> Selection:
        if sum(value is not None for value in (self.nth, self.every, self.share)) > 1:
            raise ValueError("more than one of nth, every and share is given; expected one of them, or none")
        return self


class Rows(Selection):
    """Which rows of a request: as Selection, and by the platform's key."""

    key: Pattern | None = Field(None, description="a regular expression of the row's key, e.g. ^anna@")


class _Fault(Selection):
    path: Pattern | None = Field(None, description="a regular expression of method and path, e.g. ^POST /api/")
    times: int | None = Field(None, ge=1, description="how often it happens at most")


class TooManyRequests(_Fault):
    """429, though the rate was kept."""

    fault: Literal["too_many_requests"]
    retry_after: Literal["seconds", "date", "none"] = Field("seconds", description="form of the header Retry-After")
    seconds: float = Field(1, ge=0, description="seconds until the platform would let it through")


class ServerError(_Fault):
    """5xx."""

    fault: Literal["server_error"]
    status: int = Field(503, ge=500, le=599, description="a status from 500 to 599")
    is_applied: bool = Field(False, description="true if the request has its effect all the same")


class Slow(_Fault):
    """The answer comes late."""

    fault: Literal["slow"]
    seconds: float = Field(5, ge=0, le=600, description="seconds from 0 to 600")


class ConnectionReset(_Fault):
    """The connection breaks instead of an answer."""

    fault: Literal["connection_reset"]
    is_applied: bool = Field(False, description="true if the request has its effect all the same")


class AcceptedThenTimeout(_Fault):
    """The request has its effect, and the answer never comes."""

    fault: Literal["accepted_then_timeout"]


class RowErrors(_Fault):
    """The platform refuses rows, in the way it does."""

    fault: Literal["row_errors"]
    rows: Rows = Field(Rows(), description="which rows: {every: 10}, {key: ^anna@}; default all")
    reason: str = Field("refused by a scripted fault", description="a text that the platform gives as the reason")


class SilentSkip(_Fault):
    """The platform leaves out rows, and reports success."""

    fault: Literal["silent_skip"]
    rows: Rows = Field(Rows(), description="which rows: {every: 10}, {key: ^anna@}; default all")


class JobStuck(_Fault):
    """The job is accepted, and never ends."""

    fault: Literal["job_stuck"]


class ImportLock(_Fault):
    """Somebody else's import is at work."""

    fault: Literal["import_lock"]


class TokenExpired(_Fault):
    """The credential is refused."""

    fault: Literal["token_expired"]


Fault = (
    TooManyRequests
    | ServerError
    | Slow
    | ConnectionReset
    | AcceptedThenTimeout
    | RowErrors
    | SilentSkip
    | JobStuck
    | ImportLock
    | TokenExpired
)
# Those that a platform has to be asked for: not every one has rows, jobs or a lock.
ASKED_FOR = ("row_errors", "silent_skip", "job_stuck", "import_lock")


def _possible(fault: Fault, info: ValidationInfo) -> Fault:
    possible: frozenset[str] | None = info.context
    if possible is not None and fault.fault in ASKED_FOR and fault.fault not in possible:
        raise ValueError(
            f"this platform has no {fault.fault}; expected another fault, for example one of "
            + ", ".join(sorted(possible) or ["server_error"])
        )
    return fault


class FaultFile(_Declared):
    """The file."""

    faults: list[Annotated[Fault, Field(discriminator="fault"), AfterValidator(_possible)]] = Field(
        description="a list of faults"
    )


def load_faults(path: Path, possible: frozenset[str]) -> list[Fault]:
    """The faults that a file declares; `possible` are those of ASKED_FOR that the platform can have.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    return list(load_yaml(path, FaultFile, context=possible).faults)


def faults(declared: list[dict[str, object]], possible: frozenset[str]) -> list[Fault]:
    """The same from values, for tests. Raises pydantic.ValidationError."""
    return list(FaultFile.model_validate({"faults": declared}, context=possible).faults)
