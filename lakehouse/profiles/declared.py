"""What a served profile holds, as conf/profiles.yml declares it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from lakehouse.config.declaration import Declaration
from lakehouse.config.folder import configuration_folder
from lakehouse.config.yaml_file import load_yaml

FILE = "profiles.yml"
ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class ServedProfile(Declaration):
    """The file profiles.yml."""

    columns: tuple[ColumnName, ...] = Field((), description="columns of gold.dim_customers that a profile holds")
    fallback: dict[str, Any] = Field(
        default_factory=dict, description="the profile that is answered when no store answers in time"
    )

    @property
    def fingerprint(self) -> str:
        """Changes when profiles that were loaded before have to be loaded again."""
        return hashlib.sha256(",".join(sorted(set(self.columns))).encode()).hexdigest()[:16]


def served_profile(folder: Path | None = None) -> ServedProfile:
    """What a profile holds; only who may be written to when there is no file.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    path = (folder or configuration_folder()) / FILE
    return load_yaml(path, ServedProfile) if path.exists() else ServedProfile.model_validate({})
