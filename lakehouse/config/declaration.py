"""The base of everything that a user declares in a configuration file of sources."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Declaration(BaseModel):
    """Base: a wrong key is an error, a loaded declaration does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
