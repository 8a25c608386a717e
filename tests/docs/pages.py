"""What README.md and docs/ tell people to type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.homes import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
FRONT_DOOR = tuple(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))
_BLOCK = re.compile(r"^(?P<indent> *)```bash\n(?P<body>.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
_SETTING = re.compile(r"\bLAKEHOUSE_[A-Z_]*[A-Z]\b")


@dataclass(frozen=True)
class Command:
    """A line of a shell block, without its comment, and the page it stands on."""

    page: Path
    line: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.line}"


def commands(page: Path) -> list[Command]:
    """The lines of the page's bash blocks that do something."""
    lines = [line for block in _BLOCK.finditer(page.read_text(encoding="utf-8")) for line in block["body"].splitlines()]
    bare = [line.split("  #")[0].split(" # ")[0].strip() for line in lines]
    return [Command(page, line) for line in bare if line and not line.startswith("#")]


def mentioned(page: Path, program: str) -> list[str]:
    """Inline code that starts with the program, e.g. `lakehouse engine stop`."""
    found = (
        code.removeprefix(".venv/bin/") for code in _INLINE.findall(_BLOCK.sub("", page.read_text(encoding="utf-8")))
    )
    return [code for code in found if code.split()[0] == program]


def links(page: Path) -> list[str]:
    """Targets of links that stay inside the repository."""
    return _LINK.findall(page.read_text(encoding="utf-8"))


def settings_named(page: Path) -> set[str]:
    """Names of LAKEHOUSE_ variables in the page."""
    return set(_SETTING.findall(page.read_text(encoding="utf-8")))
