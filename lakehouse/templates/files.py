"""Liquid templates in files of the configuration: read, and parsed with file and line of what is wrong."""

from __future__ import annotations

from pathlib import Path

from liquid import Environment
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

from lakehouse.config.folder import as_edited
from lakehouse.errors import ConfigurationError
from lakehouse.utils.foreign_errors import kind_of


def read_template_text(path: Path, most_characters: int, advice: str = "") -> str:
    """The text of a file; ConfigurationError when it cannot be read or is too long, with the advice for that."""
    file = str(as_edited(path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(file, None, f"it cannot be read: {kind_of(error)}", "a text file in UTF-8") from None
    if len(text) > most_characters:
        raise ConfigurationError(file, None, f"it has {len(text):,} characters", f"at most {most_characters:,}{advice}")
    return text


def parsed_template(environment: Environment, source: str, file: str) -> BoundTemplate:
    """The template; ConfigurationError with file and line when it is not Liquid."""
    try:
        return environment.from_string(source, name=file)
    except LiquidError as error:
        told = str(error.args[0]) if error.args else type(error).__name__
        raise ConfigurationError(file, line_of(error), told, "Liquid, see docs/write-a-template.md") from None


def line_of(error: Exception) -> int | None:
    """The line that an error of Liquid is about, if it says one."""
    context = error.context() if isinstance(error, LiquidError) else None
    return context[0] if context else None
