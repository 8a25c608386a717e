"""Contents for slots of a mail: `conf/contents/<slot>.html.liquid` or `<slot>.txt.liquid`, and what stands in for them.

A template sees `customer_id`, `profile` and `signals` as the profile API answers them. Below a line `---` is the
fallback: what is answered when the template cannot be rendered for somebody, or nothing may be told of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liquid.template import BoundTemplate

from lakehouse.config.folder import as_edited
from lakehouse.errors import ConfigurationError
from lakehouse.templates.environment import HTML, TEXT
from lakehouse.templates.files import parsed_template, read_template_text

FOLDER = "contents"
KNOWN = ("customer_id", "profile", "signals")
_KINDS = {".html.liquid": ("text/html", HTML), ".txt.liquid": ("text/plain", TEXT)}
_LINE = re.compile(r"^---[ \t]*\n", re.MULTILINE)
_SLOT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LARGEST = 100_000  # characters


@dataclass(frozen=True)
class Content:
    """What may stand in a slot; `media_type` is text/html or text/plain."""

    slot: str
    media_type: str
    liquid: BoundTemplate
    fallback: str

    def rendered(self, answer: Mapping[str, Any] | None) -> str | None:
        """For a profile as it is answered; None when the fallback has to stand in: nothing may be told or is known of
        the customer, or the template does not work with the values."""
        if answer is None or answer["profile"] is None:
            return None
        facts = {name: value for name, value in answer["profile"].items() if value is not None}
        signals = {name: value for name, value in answer["signals"].items() if value is not None}
        try:
            return self.liquid.render(customer_id=answer["customer_id"], profile=facts, signals=signals).strip("\n")
        except Exception:  # noqa: BLE001 - filters raise whatever Python raises for a value
            return None


def read_contents(folder: Path) -> dict[str, Content]:
    """Slot -> content of a configuration folder.

    Raises:
        ConfigurationError: with file, line and what was expected.
    """
    found: dict[str, Content] = {}
    for path in sorted((folder / FOLDER).glob("*.liquid")):
        content = _read(path)
        if content.slot in found:
            expected = "one file a slot, .html.liquid or .txt.liquid"
            raise ConfigurationError(str(as_edited(path)), None, f"there are two for {content.slot!r}", expected)
        found[content.slot] = content
    return found


def _read(path: Path) -> Content:
    file = str(as_edited(path))
    slot, dot, kind = path.name.partition(".")
    if dot + kind not in _KINDS or not _SLOT.fullmatch(slot):
        expected = "<slot>.html.liquid or <slot>.txt.liquid; a slot has lower case letters, digits and underscores"
        raise ConfigurationError(file, None, "the name of the file is not valid", expected)
    parts = _LINE.split(read_template_text(path, _LARGEST))
    if len(parts) != 2:
        raise ConfigurationError(
            file, None, f"it has {len(parts) - 1} lines ---", "one, between the template and its fallback"
        )
    media_type, environment = _KINDS[dot + kind]
    liquid = parsed_template(environment, parts[0], file)
    unknown = sorted(set(liquid.analyze().globals) - set(KNOWN))
    if unknown:
        raise ConfigurationError(file, None, f"there is no {unknown[0]!r}", f"one of {', '.join(KNOWN)}")
    return Content(slot, media_type, liquid, parts[1].strip("\n"))
