"""What a check of this machine or its configuration found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check: whether it passed, what was found, and what to do if it failed.

    `is_about_rows`: its detail is about rows of a delivered file that could be read.
    """

    name: str
    is_ok: bool
    detail: str
    remedy: str = ""
    is_about_rows: bool = False
