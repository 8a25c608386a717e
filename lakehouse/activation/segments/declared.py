"""Segments as declared in conf/segments.yml: a condition over a customer's profile, with a description."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from lakehouse.activation.segments.conditions import Condition, check_text, condition, text_value
from lakehouse.activation.segments.profile_columns import ProfileColumn, is_time_dependent
from lakehouse.config.folder import configuration_folder
from lakehouse.config.yaml_file import load_yaml
from lakehouse.utils.canonical_json import json_text

FILE = "segments.yml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class SegmentContext:
    """What segments.yml is checked against: the columns of profiles, and where other segments are declared, by name."""

    columns: Mapping[str, ProfileColumn]
    taken: Mapping[str, str]


def _context(info: ValidationInfo) -> SegmentContext | None:
    context: SegmentContext | None = info.context
    return context


def _name(name: str, info: ValidationInfo) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a name of a segment; expected at most 64 lower case letters, digits and _, starting with"
            " a letter"
        )
    if (context := _context(info)) is not None and name in context.taken:
        raise ValueError(f"segment {name!r} is a dbt model already ({context.taken[name]}); expected another name")
    return name


def _where(expression: str, info: ValidationInfo) -> str:
    if (context := _context(info)) is not None:
        condition(expression, context.columns)
    return expression


def _detail(expression: str | None, info: ValidationInfo) -> str | None:
    if (context := _context(info)) is not None and expression is not None:
        text_value(expression, context.columns)
    return expression


class DeclaredSegment(BaseModel):
    """One segment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Annotated[str, AfterValidator(check_text)] = Field(
        min_length=1, description="who is in it, and what for, in the words of a marketer"
    )
    where: Annotated[str, AfterValidator(_where)] = Field(
        min_length=1, description="a condition over columns of gold.dim_customers, e.g. count_orders >= 3"
    )
    detail: Annotated[str | None, AfterValidator(_detail)] = Field(
        None, description="what the segment knows about a member: a text, e.g. top_category_1"
    )
    time_dependent: bool = Field(
        False, description="true if members come and go by the mere passing of time, without any event"
    )

    _line: int = PrivateAttr(0)

    @model_validator(mode="after")
    def _says_that_time_passes(self, info: ValidationInfo) -> DeclaredSegment:
        if (context := _context(info)) is None:
            return self
        read = self.condition(context.columns).columns + (
            () if self.detail is None else self.value(context.columns).columns
        )
        changing = [name for name in dict.fromkeys(read) if is_time_dependent(name)]
        if changing and not self.time_dependent:
            raise ValueError(
                f"it reads {', '.join(changing)}, so members come and go by the mere passing of time; expected"
                " `time_dependent: true`, or other columns (e.g. last_order_at)"
            )
        if self.time_dependent and not changing:
            raise ValueError("it reads nothing that changes as time passes; expected no `time_dependent: true`")
        return self

    @property
    def line(self) -> int:
        """Line of its name in the file."""
        return self._line

    @property
    def definition_hash(self) -> str:
        """SHA-256 of what makes its members: condition and detail."""
        definition = {"where": self.where, "detail": self.detail}
        return hashlib.sha256(json_text(definition, is_sorted=True).encode()).hexdigest()

    def condition(self, columns: Mapping[str, ProfileColumn]) -> Condition:
        """Its checked condition."""
        return condition(self.where, columns)

    def value(self, columns: Mapping[str, ProfileColumn]) -> Condition:
        """Its checked detail; null without one."""
        return text_value(self.detail, columns) if self.detail is not None else Condition((), "null", "null")


class _SegmentsFile(BaseModel):
    """The file segments.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segments: dict[Annotated[str, AfterValidator(_name)], DeclaredSegment] = Field(description="name -> segment")

    @model_validator(mode="wrap")
    @classmethod
    def _with_lines(cls, value: Any, handler: ModelWrapValidatorHandler[_SegmentsFile]) -> _SegmentsFile:
        """The names in the file know their lines, and lose them when they are checked."""
        found = handler(value)
        for name in value["segments"]:
            found.segments[name]._line = getattr(name, "line", 0)
        return found


def declared_segments(
    folder: Path | None = None, context: SegmentContext | None = None
) -> Mapping[str, DeclaredSegment]:
    """Segments of segments.yml by name, from `folder` (default: the configuration folder); none without that file.

    Conditions and names are checked against `context`, if given; without it the file is only read, which is fast.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    path = (folder or configuration_folder()) / FILE
    return load_yaml(path, _SegmentsFile, context=context).segments if path.exists() else {}
