"""Quotes as RFC 4180 has them: they open at the start of a field, close at its end, and are doubled in between.

A parser that is more generous joins rows: a field that begins with a stray quote goes on to the next one, lines later,
and nothing looks wrong. A quote within an unquoted field (`5" pipe`) is text.
"""

from __future__ import annotations

import re

import numpy as np

from lakehouse.errors import UnreadableFileError

_LINE_ENDS = (10, 13)
_LONGEST_RUN = 1 << 20  # quotes in a row: so many are no text of anybody


class QuoteCheck:
    """Follows the quotes of a CSV file from chunk to chunk.

    Args:
        name: of the file, for errors.
        quote, delimiter: one ASCII character each.
        escape: character before which a quote, delimiter or line end is text; None for none. No chunk may end between
            it and what it escapes.
        first_line: number of the line that the first chunk begins with.
    """

    def __init__(self, name: str, quote: str, delimiter: str, escape: str | None, first_line: int = 1) -> None:
        self._name, self._quote = name, quote.encode()
        self._ends_a_field = np.zeros(256, bool)
        self._ends_a_field[[ord(delimiter), *_LINE_ENDS]] = True
        self._escaped = re.compile(re.escape(escape).encode() + b".", re.DOTALL) if escape else None
        self._is_open = False
        self._line = self._opened_in = first_line
        self._before = _LINE_ENDS[0]  # the byte before the next chunk
        self._carried = b""  # quotes at the end of a chunk: what they mean hangs on what follows

    def feed(self, chunk: bytes) -> None:
        """Check the next chunk; UnreadableFileError with the line of text after a closing quote."""
        data = self._carried + chunk
        whole = data.rstrip(self._quote)
        self._carried = data[len(whole) :]
        if len(self._carried) > _LONGEST_RUN:
            line = self._line + whole.count(b"\n")
            raise UnreadableFileError(self._name, f"line {line} has more than a million quotes in a row")
        if not whole:
            return
        if self._quote in whole:
            self._follow(whole, whole if self._escaped is None else self._escaped.sub(b"__", whole))
        self._line += whole.count(b"\n")
        self._before = whole[-1]

    def finish(self) -> None:
        """UnreadableFileError when the file ends within quotes."""
        if self._carried:
            self._follow(self._carried + b"\n", self._carried + b"\n")
        if self._is_open:
            raise UnreadableFileError(
                self._name, f"truncated: the file ends within quotes, which were opened in line {self._opened_in}"
            )

    def _follow(self, data: bytes, plain: bytes) -> None:
        """Follow the quotes in `plain`, which is `data` without what is escaped."""
        values = np.frombuffer(plain, np.uint8)
        at = np.flatnonzero(values == self._quote[0])
        if not len(at):
            return
        is_first = np.empty(len(at), bool)  # of a run of quotes without anything in between
        is_first[0] = True
        np.not_equal(at[1:], at[:-1] + 1, out=is_first[1:])
        first = np.flatnonzero(is_first)
        starts = at[first]
        lengths = np.diff(first, append=len(at))
        before = values[starts - 1]
        if starts[0] == 0:
            before[0] = self._before
        begins = self._ends_a_field[before]
        ends = self._ends_a_field[values[starts + lengths]]
        toggles = (lengths & 1).astype(bool)
        # As if no quote were text: right up to the first run that says otherwise.
        was_open = np.logical_xor.accumulate(toggles) ^ toggles ^ self._is_open
        odd_one = np.where(was_open, toggles & ~ends, ~begins | ~(toggles | ends))
        regular = int(np.argmax(odd_one)) if odd_one.any() else len(starts)
        opened = np.flatnonzero(~was_open[:regular] & toggles[:regular])
        if len(opened):
            self._opened_in = self._line_at(data, starts[opened[-1]])
        if regular < len(starts):
            self._is_open = bool(was_open[regular])
            self._follow_one_by_one(data, regular, starts, toggles, begins, ends)
        else:
            self._is_open = bool(was_open[-1] ^ toggles[-1])

    def _follow_one_by_one(
        self, data: bytes, first: int, starts: np.ndarray, toggles: np.ndarray, begins: np.ndarray, ends: np.ndarray
    ) -> None:
        runs = zip(*(values[first:].tolist() for values in (starts, toggles, begins, ends)), strict=True)
        opened = -1
        for start, toggle, begin, end in runs:
            if self._is_open or begin:
                if not end and toggle == self._is_open:
                    if opened >= 0:
                        self._opened_in = self._line_at(data, opened)
                    self._refuse(self._line_at(data, start))
                if toggle:
                    self._is_open = not self._is_open
                    opened = start if self._is_open else opened
        if opened >= 0:
            self._opened_in = self._line_at(data, opened)

    def _line_at(self, data: bytes, position: int) -> int:
        return self._line + data.count(b"\n", 0, int(position))

    def _refuse(self, line: int) -> None:
        opened = "" if line == self._opened_in else f", which was opened in line {self._opened_in}"
        escape = "" if self._escaped else '; if the file writes quotes as \\", declare `csv: {escape: "\\\\"}`'
        raise UnreadableFileError(
            self._name, f"line {line} has text after a closing quote{opened} (RFC 4180 doubles quotes){escape}"
        )
