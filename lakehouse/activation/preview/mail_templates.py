"""Mail templates: `conf/templates/<name>.liquid`, a subject and an HTML body in the Liquid language.

A template sees what its campaign exports and nothing else. A name that does not exist is refused when the file is
read, an empty value without a fallback when a mail is rendered. Values are escaped as HTML; a template reads no files
and cannot run on for ever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liquid import Environment
from liquid.exceptions import UndefinedError
from liquid.template import BoundTemplate

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.campaigns.export_fields import IDENTITY_FIELDS
from lakehouse.config.folder import as_edited, configuration_folder, template_path
from lakehouse.errors import ConfigurationError
from lakehouse.templates.environment import HTML, TEXT
from lakehouse.templates.files import line_of, parsed_template, read_template_text

# What every template may use beside the campaign's attributes. The platform puts in the address for unsubscribing.
ALWAYS_THERE = (*IDENTITY_FIELDS, "campaign_id", "send_at", "unsubscribe_url")
UNSUBSCRIBE_URL = "#unsubscribe"
_LARGEST = 500_000  # characters of a file; e-mail clients cut a mail at about 100,000
_HEADER = re.compile(r"---[ \t]*\n(?P<lines>.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_FORM = "a header of the lines ---, subject: <text>, ---, and below it the HTML of the mail"


@dataclass(frozen=True)
class _Part:
    """Subject or body of a template, with the source that its positions are counted in."""

    source: str
    liquid: BoundTemplate

    @classmethod
    def of(cls, environment: Environment, before: str, text: str, file: str) -> _Part:
        """A part that follows the text `before` in its file: empty lines take its place, so that lines keep their
        numbers."""
        source = "\n" * before.count("\n") + text
        return cls(source, parsed_template(environment, source, file))

    def names(self) -> list[tuple[int, str]]:
        """Line and name of everything that it does not set itself."""
        globals_ = self.liquid.analyze().globals
        return [(self._line(one.span.index), name) for name, found in globals_.items() for one in found]

    def filters(self) -> list[tuple[int, str]]:
        """Line and name of every filter."""
        filters = self.liquid.analyze().filters
        return [(self._line(span.index), name) for name, spans in filters.items() for span in spans]

    def _line(self, index: int) -> int:
        return self.source.count("\n", 0, index) + 1


@dataclass(frozen=True)
class Mail:
    """A rendered mail: its subject, one line of plain text, and its body, HTML."""

    subject: str
    html: str


@dataclass(frozen=True)
class MailTemplate:
    """A template whose syntax is valid; `file` is its path as its owner knows it."""

    name: str
    file: str
    subject: _Part
    body: _Part

    def check(self, names: tuple[str, ...]) -> None:
        """ConfigurationError for the first name in the template that is not one of `names`."""
        used = sorted(self.subject.names() + self.body.names())
        unknown = [(line, name) for line, name in used if name not in names]
        if unknown:
            line, name = unknown[0]
            others = "".join(f"; line {at}: {what!r}" for at, what in unknown[1:5])
            problem = f"the campaign has no attribute {name!r}{others}"
            raise ConfigurationError(self.file, line, problem, f"one of {', '.join(sorted(names))}")

    def render(self, values: Mapping[str, Any]) -> Mail:
        """The mail with these values by name.

        Raises:
            ConfigurationError: a value is empty and has no fallback, a filter does not fit the value, or a limit is
                reached; with file and line, and without any value.
        """
        given = {name: value for name, value in values.items() if value is not None}
        try:
            subject = " ".join(self.subject.liquid.render(**given).split())
            return Mail(subject, self.body.liquid.render(**given).lstrip("\n"))
        except Exception as error:  # noqa: BLE001 - filters raise whatever Python raises for a value
            raise _not_rendered(self.file, error) from None


def names_of(campaign: Campaign) -> tuple[str, ...]:
    """The names that a template of the campaign may use."""
    return (*ALWAYS_THERE, *(field.name for field in campaign.fields))


def values_of(campaign: Campaign, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The values of these names for the recipient of a payload, `{"customer_id":, "email":, "attributes": {}}`."""
    own = {"campaign_id": campaign.id, "send_at": campaign.send_at.isoformat(), "unsubscribe_url": UNSUBSCRIBE_URL}
    return own | {name: payload[name] for name in IDENTITY_FIELDS} | dict(payload["attributes"])


def template_of(campaign: Campaign, folder: Path | None = None) -> MailTemplate | None:
    """The campaign's template, checked against what it exports; None when it has none.

    It is the one that `template` names, else `<campaign id>.liquid` if there is such a file.

    Raises:
        ConfigurationError: the template is not valid, or uses a name that the campaign does not export.
    """
    path = template_path(folder or configuration_folder(), campaign.template or campaign.id)
    if not path.is_file() and campaign.template is None:
        return None
    found = read_template(path)
    found.check(names_of(campaign))
    return found


def read_template(path: Path) -> MailTemplate:
    """Read a template; ConfigurationError with file, line and what was expected when it is not valid."""
    file = str(as_edited(path))
    text = read_template_text(path, _LARGEST, "; images belong behind links")
    header = _HEADER.match(text)
    if header is None:
        raise ConfigurationError(file, 1, "the template does not begin with a header", _FORM)
    line, subject = _subject(file, header["lines"])
    parts = (
        _Part.of(TEXT, "\n" * (line - 1), subject, file),
        _Part.of(HTML, header[0], text[header.end() :], file),
    )
    for at, name in sorted(found for part in parts for found in part.filters()):
        if name not in HTML.filters:
            raise ConfigurationError(
                file, at, f"there is no filter {name!r}", f"one of {', '.join(sorted(HTML.filters))}"
            )
    return MailTemplate(path.stem, file, *parts)


def _subject(file: str, header: str) -> tuple[int, str]:
    """Line and text of the subject, which is taken as it is written: it is no YAML."""
    found: tuple[int, str] | None = None
    for line, text in enumerate(header.splitlines(), start=2):
        name, colon, value = text.partition(":")
        if not text.strip():
            continue
        if not colon or name.strip() != "subject" or found is not None:
            shown = name.strip() if colon else text.strip()
            raise ConfigurationError(file, line, f"{shown!r} does not belong into the header", _FORM)
        found = line, value.strip()
    if found is None or not found[1]:
        raise ConfigurationError(file, 1, "the header has no subject", _FORM)
    return found


def _not_rendered(file: str, error: Exception) -> ConfigurationError:
    """What went wrong with a value; only its name, or the kind of error, is told: the text may hold the value."""
    if isinstance(error, UndefinedError):
        name = str(error.args[0]).removesuffix(" is undefined").strip("'")
        fallback = f'{{{{ {name} | default: "..." }}}} or {{% if {name} %}} around it'
        problem = f"{name!r} is empty for a recipient and has no fallback"
        return ConfigurationError(file, line_of(error), problem, fallback)
    problem = f"it cannot be rendered: {type(error).__name__}"
    return ConfigurationError(file, line_of(error), problem, "filters that fit their values, and loops with an end")
