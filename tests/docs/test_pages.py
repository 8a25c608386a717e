"""README.md and docs/ are true: their commands, link targets and settings exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from lakehouse.cli.main import cli
from lakehouse.config.settings import Settings
from tests.docs.pages import FRONT_DOOR, PAGES, commands, links, mentioned, settings_named
from tests.support.homes import ROOT

_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
_VARIABLES = set(re.findall(r"^([A-Z_]+) *\?=", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
_names = pytest.mark.parametrize("page", [*PAGES, *FRONT_DOOR], ids=lambda page: str(page.relative_to(ROOT)))


def _parse(words: list[str]) -> None:
    """Let the command line's own parser read the words; raises click.UsageError for what it does not know."""
    command: click.Command = cli
    context = command.make_context("lakehouse", words)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None and name is not None
        command, context = found, found.make_context(name, words, parent=context)


def _parse_help(words: list[str]) -> None:
    """As `_parse`, but arguments may be missing: a page may mention `lakehouse sql` without a query."""
    with pytest.raises(click.exceptions.Exit) as ended:
        _parse([*words, "--help"])
    assert ended.value.exit_code == 0


def _program(line: str) -> tuple[str, list[str]]:
    """Program and arguments of a command, without the environment before them and the folder of the program."""
    words = shlex.split(line)
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    return words[0].removeprefix(".venv/bin/"), words[1:]


def _check_make(words: list[str]) -> None:
    for word in words:
        assert word in _TARGETS or word.partition("=")[0] in _VARIABLES, f"Makefile has no {word}"


@_names
def test_commands_in_shell_blocks_exist(page: Path) -> None:
    for command in commands(page):
        program, words = _program(command.line)
        assert program in ("make", "lakehouse", "airflow"), command
        if program == "make":
            _check_make(words)
        elif program == "lakehouse":
            _parse(words)


@_names
def test_commands_in_the_text_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code in mentioned(page, "lakehouse"):
        _parse_help(_program(code)[1])
    for code in mentioned(page, "make"):
        _check_make(_program(code)[1])


@_names
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=lambda page: page.stem)
def test_decisions_have_status_and_date_and_are_in_the_index(page: Path) -> None:
    assert re.search(r"^\*Status: .+ Date: \d{4}-\d\d-\d\d", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert f"]({page.name}) |" in (page.parent / "README.md").read_text(encoding="utf-8")


@_names
def test_settings_exist(page: Path) -> None:
    known = {f"LAKEHOUSE_{name.upper()}" for name in Settings.model_fields}
    assert settings_named(page) - known == set()


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(click.UsageError):
        _parse(["run", "--no-such-option"])
    with pytest.raises(click.UsageError):
        _parse_help(["engine", "explode"])
