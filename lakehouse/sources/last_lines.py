"""Whether a CSV file was cut in its last line: `1234.56` cut to `12` is a number, too, and nothing else shows it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property

from lakehouse.config.feeds import Feed
from lakehouse.config.source_models import FilesDataset
from lakehouse.errors import UnreadableFileError
from lakehouse.formats.byte_streams import compression_of
from lakehouse.formats.file_facts import FileFacts
from lakehouse.landing.ledger import Ledger
from lakehouse.sources.file_discovery import LocalFile

_CUT = "truncated: the last line has no end"
_REMEDY = "if it is exported like that, declare `csv: {final_newline: optional}`"


class LastLines:
    """What `final_newline` of a feed asks of its files: with `auto`, an end of the last line when others have it.

    `beside`: files that are read together, in which the end is looked for when the ledger knows of none.
    """

    def __init__(self, feed: Feed, ledger: Ledger, beside: Iterable[LocalFile]) -> None:
        declared = feed.declaration
        assert isinstance(declared, FilesDataset)
        self._declared = declared
        self._known = [delivery.ends_its_last_line for delivery in ledger.landed.values()]
        self._beside = tuple(beside)

    def check(self, name: str, facts: FileFacts) -> None:
        """UnreadableFileError for a file that was cut; a note when there is nothing to compare with."""
        rule = self._declared.csv.final_newline
        if self._declared.format != "csv" or facts.ends_its_last_line is not False or rule == "optional":
            return
        if rule == "required":
            raise UnreadableFileError(name, _CUT)
        if self._others_end:
            raise UnreadableFileError(name, f"{_CUT}, which other files of this source have; {_REMEDY}")
        if False not in self._known:
            facts.note("the last line has no end, and no other file tells whether it is whole")

    @cached_property
    def _others_end(self) -> bool:
        return True in self._known or any(map(self._ends, self._beside))

    def _ends(self, file: LocalFile) -> bool:
        """Whether an unpacked file visibly ends its last line; False also when that takes unpacking or decoding it."""
        if compression_of(file.name, self._declared.compression) or "\n".encode(self._declared.csv.encoding) != b"\n":
            return False
        with file.path.open("rb") as content:
            content.seek(-min(1, os.fstat(content.fileno()).st_size), os.SEEK_END)
            return content.read() in (b"\n", b"\r")
