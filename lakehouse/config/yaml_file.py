"""Read a configuration file: YAML into a pydantic model, or an error with file, line, problem and what was expected."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lakehouse.config.folder import as_edited
from lakehouse.config.yaml_budget import check_yaml
from lakehouse.config.yaml_errors import configuration_error
from lakehouse.errors import ConfigurationError
from lakehouse.utils.foreign_errors import kind_of

M = TypeVar("M", bound=BaseModel)


def load_yaml(path: Path, model: type[M], context: object = None) -> M:
    """Read a YAML file into a pydantic model.

    Args:
        path: the file.
        model: decides what is allowed; let it forbid unknown keys (`extra="forbid"`). Its validators may raise
            `ValueError("<problem>; expected <what>")`.
        context: handed to the validators, as `ValidationInfo.context`.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    named = as_edited(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            str(named), None, "the file does not exist", "a YAML file in the folder that LAKEHOUSE_CONF names"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            str(named), None, f"the file cannot be read: {kind_of(error)}", "a readable YAML file in UTF-8"
        ) from None
    loader = None
    try:
        check_yaml(text)
        loader = _LocatingLoader(text, named)
        root = loader.get_single_node()
        data = loader.construct_document(root) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigurationError(
            str(named), mark.line + 1 if mark else None, error.problem or str(error), "valid YAML"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(str(named), None, str(error), "valid YAML") from None
    finally:
        if loader is not None:
            loader.dispose()
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        raise configuration_error(named, root, model, error) from None


class _LocatedStr(str):
    """A string that knows the file and line it was read from."""

    file: str
    line: int


class _LocatingLoader(yaml.CSafeLoader):
    """Safe YAML, parsed by libyaml; a repeated key is an error (YAML would silently use the last one)."""

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.path = path

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except ValueError:  # a number of thousands of digits, the 30th of February
            problem = "what looks like a number or a date is none; put it in quotes if it is a text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} appears twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str):
            marked = _LocatedStr(value)
            marked.file, marked.line = str(self.path), node.start_mark.line + 1
            return marked
        return value
