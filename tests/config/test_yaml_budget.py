"""A configuration file that stands for more than it shows is refused with its line, before anything is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import RootModel

from lakehouse.config.yaml_file import load_yaml
from lakehouse.errors import ConfigurationError


def _load(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "some.yml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path, RootModel[Any]).root


ALIASES_OF_ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 12)
)
MERGES = "m0: &m0 {k: v}\n" + "".join(
    f"m{number}: &m{number}\n  <<: [{', '.join([f'*m{number - 1}'] * 10)}]\n" for number in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (ALIASES_OF_ALIASES, 5, "stands for more than 100,000 values, aliases written out"),
        ("a: [" + "x, " * 100_001 + "]\n", 1, "stands for more than 100,000 values"),
        ("a: 1\nb: &b\n  c: [1, *b]\n", 3, "the alias *b is within its own anchor"),
        (MERGES, 3, "the merge key << is not supported: write the keys out"),
        ("a: 1\n? [1, 2]\n: 3\n", 2, "a key is not a single word or number"),
        ("a: 1\n? {k: v}\n: 3\n", 2, "a key is not a single word or number"),
        ("a: &a [1]\n*a : 3\n", 2, "a key is not a single word or number"),
        ("a: 1\nb: " + "[" * 100_000 + "]" * 100_000 + "\n", 2, "nested more than 50 levels deep"),
        ("a: 1\nb: " + "{k: " * 100_000 + "}" * 100_000 + "\n", 2, "nested more than 50 levels deep"),
        ("a: 1\nb: " + "9" * 5000 + "\n", 2, "what looks like a number or a date is none"),
        ("a: 1\nb: 2023-02-30\n", 2, "what looks like a number or a date is none"),
        ("a: 1\nb: *unknown\n", 2, "undefined alias"),
    ],
    ids=[
        *("aliases of aliases", "many values", "alias within itself", "merges", "list as key", "mapping as key"),
        *("alias as key", "deep lists", "deep mappings", "endless number", "no such day", "unknown alias"),
    ],
)
def test_a_bomb_is_refused_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    assert caught.value.line == line
    assert message in str(caught.value)


def test_aliases_of_what_is_written_once_are_read(tmp_path: Path) -> None:
    text = 'one: &one {mapping: {id: [1, 2], "<<": x}}\ntwo: *one\nlist: [&word w, *word, {word: *word}]\n'
    assert _load(tmp_path, text) == {
        "one": {"mapping": {"id": [1, 2], "<<": "x"}},
        "two": {"mapping": {"id": [1, 2], "<<": "x"}},
        "list": ["w", "w", {"word": "w"}],
    }
