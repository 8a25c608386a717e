"""How much may come in at once: more than honest deliveries need, so that a broken or hostile one costs little."""

from __future__ import annotations

from pydantic import Field

from lakehouse.config.declaration import Declaration


class Limits(Declaration):
    """Limits of every feed."""

    columns: int = Field(1_000, ge=1, description="columns of a delivery, and of all deliveries of a feed together")
    new_columns: int = Field(100, ge=0, description="columns of a delivery that no delivery before it had")


class FileLimits(Limits):
    """Limits of a delivered file; one that is beyond them is set aside."""

    unpacked_gb: float = Field(50, gt=0, description="gigabytes of a file when it is unpacked")
    unpacked_ratio: int = Field(
        100, ge=1, description="how many times as large as the file its content may be, once it is larger than 100 MB"
    )
    record_mb: float = Field(4, gt=0, le=1_000, description="megabytes of one row or JSON object")


class AnswerLimits(Limits):
    """Limits of an API; beyond them its load fails."""

    answer_mb: float = Field(64, gt=0, description="megabytes of one answer (page) when it is unpacked")
