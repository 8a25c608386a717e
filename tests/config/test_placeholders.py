"""conf/placeholders.yml: optional, and checked like the other files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.config.placeholders import placeholders
from lakehouse.contracts.placeholders import KNOWN_PLACEHOLDERS
from lakehouse.diagnostics.config_check import check_configuration
from lakehouse.errors import ConfigurationError

EXAMPLE = Path(__file__).resolve().parents[2] / "conf" / "examples" / "placeholders.yml"


def test_without_a_file_there_are_the_known_ones(tmp_path: Path) -> None:
    assert placeholders(tmp_path) == KNOWN_PLACEHOLDERS


def test_a_file_adds_to_them_without_case(tmp_path: Path) -> None:
    (tmp_path / "placeholders.yml").write_text('words: [" N.N. ", "9999"]\n')
    found = placeholders(tmp_path)
    assert found.words == KNOWN_PLACEHOLDERS.words | {"n.n.", "9999"}
    assert found.mailboxes == KNOWN_PLACEHOLDERS.mailboxes


def test_the_example_is_valid(tmp_path: Path) -> None:
    (tmp_path / "placeholders.yml").write_text(EXAMPLE.read_text())
    assert "keine angabe" in placeholders(tmp_path).words


@pytest.mark.parametrize("text", ["words: [9999]", "words: nan", "word: [a]", "mailboxes: [no]"])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "placeholders.yml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"placeholders\.yml"):
        placeholders(tmp_path)


def test_it_is_checked_before_a_run(tmp_path: Path) -> None:
    conf = EXAMPLE.parents[1]
    for name in ("sources.yml", "campaigns.yml"):
        (tmp_path / name).write_text((conf / name).read_text())
    (tmp_path / "placeholders.yml").write_text("words: 1")
    with pytest.raises(ConfigurationError, match=r"placeholders\.yml"):
        check_configuration(tmp_path)
