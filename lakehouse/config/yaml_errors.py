"""Turn pydantic's errors (a path of keys) into one with file, line, problem and what was expected."""

from __future__ import annotations

import difflib
import types
from collections.abc import Container, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lakehouse.errors import ConfigurationError

_SHOWN = 5  # further problems named in one message
_MAPPING, _LIST = "`key: value` lines", "a list"
# pydantic's error types for a value of the wrong shape -> the shape that was expected
_SHAPES = {
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "union_tag_not_found": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
}
Location = tuple[int | str, ...]


def configuration_error(
    path: Path, root: yaml.Node | None, model: type[BaseModel], error: ValidationError
) -> ConfigurationError:
    """The first problem in the order of the file, as an error; the others are named in its message."""
    found = sorted({_explain(root, model, detail) for detail in error.errors(include_url=False)})
    line, problem, expected = found[0]
    others = "; ".join(f"line {at}: {what}" for at, what, _ in found[1 : _SHOWN + 1])
    if others:
        problem += f" (and {len(found) - 1} more: {others})"
    return ConfigurationError(str(path), line, problem, expected)


def _explain(root: yaml.Node | None, model: type[BaseModel], detail: ErrorDetails) -> tuple[int, str, str]:
    location, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    line = _line(root, location)
    key = ".".join(str(part) for part in _parts_in_file(root, location)) or "the file"
    if kind == "extra_forbidden":
        known = list(_fields(model, location[:-1]))
        near = difflib.get_close_matches(str(location[-1]), known, 1, 0.6)
        hint = f"did you mean {near[0]!r}? Known keys: " if near else "one of the known keys "
        return line, f"unknown key {str(location[-1])!r}", hint + ", ".join(known)
    field = _fields(model, location[:-1]).get(str(location[-1])) if location else None
    meaning = field.description if field and field.description else None
    if kind == "missing":
        return line, f"key {str(location[-1])!r} is missing in {key}", meaning or f"a value for {str(location[-1])!r}"
    if kind in ("union_tag_invalid", "literal_error", "enum"):
        given, tag = detail["input"], ""
        if kind == "union_tag_invalid":
            tag = str(context["discriminator"]).strip("'")
            given = given.get(tag)
        expected = str(context.get("expected_tags") or context.get("expected"))
        near = difflib.get_close_matches(
            str(given), expected.replace("'", "").replace(" or ", ", ").split(", "), 1, 0.6
        )
        return (
            line,
            f"{f'{tag} of ' if tag else ''}{key} is {given!r}",
            f"one of {expected}" + (f"; did you mean {near[0]!r}?" if near else ""),
        )
    if kind == "string_type" and location[-1] == "[key]":
        written = _written(root, location[:-1], detail["input"], is_key=True)
        return line, f"key {_as_read(written, detail['input'])} is not a string", f"a quoted string, '{written}'"
    if _is_unquoted(detail) or (_is_unquoted(detail, _SHAPES) and "expression" in _fields(model, location)):
        written = _written(root, location, detail["input"])
        word = f"'{written}' in quotes, if the word is meant"
        return line, f"{key} is {_as_read(written, detail['input'])}", f"{meaning}; {word}" if meaning else word
    if kind in _SHAPES:
        keys = ", ".join(_fields(model, location))
        more = f", {meaning}" if meaning else f"; known keys: {keys}" if keys else ""
        return line, f"{key} {_seen(detail)}", _SHAPES[kind] + more
    if kind == "too_short":
        return line, f"{key} is empty", meaning or "at least one entry"
    problem, _, expected = detail["msg"].removeprefix("Value error, ").partition("; expected ")
    return line, f"{key}: {problem}", expected or meaning or "a value of the right type"


def _is_unquoted(detail: ErrorDetails, kinds: Container[str] = ("string_type",)) -> bool:
    """Whether a word or number without quotes stands where a text belongs."""
    given = detail["input"]
    if isinstance(given, bool):
        return detail["type"] in ("string_type", *_SHAPES)
    return isinstance(given, (int, float, date)) and detail["type"] in kinds


def _written(root: yaml.Node | None, location: Location, given: Any, is_key: bool = False) -> str:
    """The word in the file that became `given`."""
    node, key = root, ""
    for part in location:
        if (child := _pair(node, part)) is not None:
            key, node = child[0].value, child[1]
    return str(key or given) if is_key else str(node.value if isinstance(node, yaml.ScalarNode) else given)


def _as_read(written: str, given: Any) -> str:
    """A value as it is written, and what YAML makes of it where that is something else."""
    meant = str(given).lower() if isinstance(given, (bool, int, float)) else "a date"
    return written if meant == written.lower() else f"{written} (which YAML reads as {meant})"


def _seen(detail: ErrorDetails) -> str:
    """What is there instead of a value of the expected shape."""
    given = detail["input"]
    if given is None:
        return "is empty"
    if isinstance(given, dict):
        return (
            f"has no key {detail['ctx']['discriminator']}"
            if detail["type"] == "union_tag_not_found"
            else "is a mapping"
        )
    return "is a list" if isinstance(given, list) else "is a single value"


def _parts_in_file(root: yaml.Node | None, location: Location) -> Iterator[int | str]:
    """The parts of a location that are in the file: without pydantic's names of union members, and missing keys."""
    node = root
    for part in location:
        child = _child(node, part)
        if child is not None:
            node = child[1]
            yield part


def _line(root: yaml.Node | None, location: Location) -> int:
    """Line of the last part of the location that is in the file, from 1."""
    node, line = root, root.start_mark.line + 1 if root is not None else 1
    for part in location:
        child = _child(node, part)
        if child is not None:
            line, node = child
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    pair = _pair(node, part)
    return (pair[0].start_mark.line + 1, pair[1]) if pair else None


def _pair(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Key and value of a mapping, or twice an entry of a list."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(part) in (str(key.value), _read(key)):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _read(key: yaml.Node) -> str:
    """What pydantic calls a key that YAML reads as something else than its text: an unquoted yes, no, on, off (1 or 0),
    or 010 (8)."""
    if not isinstance(key, yaml.ScalarNode) or key.style or key.tag == "tag:yaml.org,2002:str":
        return str(key.value)
    value = yaml.safe_load(key.value)
    return str(int(value)) if isinstance(value, bool) else str(value)


def _fields(model: type[BaseModel], location: Location) -> dict[str, FieldInfo]:
    """Fields, by their name in YAML, of the model or models at a location."""
    candidates: list[Any] = [model]
    for part in location:
        below = [step for candidate in candidates for step in _step(candidate, part)]
        # no step: `part` is pydantic's name of a union member, which narrows down the candidates
        candidates = below or [c for c in candidates if _is_named(c, part)] or candidates
    fields: dict[str, FieldInfo] = {}
    for candidate in candidates:
        if _is_model(candidate):
            fields |= {
                field.alias or name: field for name, field in candidate.model_fields.items() if not field.exclude
            }
    return fields


def _step(annotation: Any, part: int | str) -> list[Any]:
    if _is_model(annotation):
        field = {f.alias or name: f for name, f in annotation.model_fields.items()}.get(str(part))
        return _members(field.annotation) if field else []
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return _members(arguments[1])
    if get_origin(annotation) in (list, tuple, set, frozenset) and isinstance(part, int) and arguments:
        return _members(arguments[0])
    return []


def _members(annotation: Any) -> list[Any]:
    """The types in an annotation: Annotated is unwrapped, unions are split."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for argument in get_args(annotation) for member in _members(argument)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_named(annotation: Any, part: int | str) -> bool:
    """Whether `part` is pydantic's name of this union member: its class name, or the tag in a Literal field."""
    if not _is_model(annotation):
        return False
    literals = [f.annotation for f in annotation.model_fields.values() if get_origin(f.annotation) is Literal]
    return annotation.__name__ == part or any(part in get_args(literal) for literal in literals)
