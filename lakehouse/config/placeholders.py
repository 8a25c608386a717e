"""The placeholders that conf/placeholders.yml adds to those the project knows."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lakehouse.config.yaml_file import load_yaml
from lakehouse.contracts.placeholders import KNOWN_PLACEHOLDERS, Placeholders

_FILE = "placeholders.yml"


class _PlaceholdersFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    words: frozenset[str] = Field(frozenset(), description="texts that are no id, card or telephone number")
    mailboxes: frozenset[str] = Field(frozenset(), description="names before the @ that are nobody's")

    @field_validator("words", "mailboxes", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise ValueError(
                'a placeholder is not a text; expected a list of texts, numbers in quotes: ["9999", "n.n."]'
            )
        return [text.strip().lower() for text in value]


def placeholders(conf: Path) -> Placeholders:
    """The placeholders of a configuration folder; ConfigurationError when its file is not valid."""
    path = conf / _FILE
    if not path.exists():
        return KNOWN_PLACEHOLDERS
    added = load_yaml(path, _PlaceholdersFile)
    return Placeholders(KNOWN_PLACEHOLDERS.words | added.words, KNOWN_PLACEHOLDERS.mailboxes | added.mailboxes)
