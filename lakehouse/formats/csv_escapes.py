"""CSV with an escape character, as MySQL and PostgreSQL write it: `\\"` is a quote, `\\n` a line end, `\\N` nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def unescaped(chunks: Iterator[bytes], escape: str, null_values: Sequence[str]) -> Iterator[bytes]:
    """Chunks in which the escape character only means that the next one is text, which is all that the parser knows.

    Letters become what they stand for, and those of `null_values` that begin with the escape character become the text
    that is compared with them. No chunk ends between an escape character and what it escapes.
    """
    sign = escape.encode()
    pair = re.compile(re.escape(sign) + b"(.)", re.DOTALL)
    meanings = {letter: sign + text for letter, text in _LETTERS.items()}
    for text in null_values:
        if len(text) == 2 and text.startswith(escape):
            meanings[text[1].encode()] = sign + text.encode()
    held = b""
    for chunk in chunks:
        data = held + chunk
        held = sign if (len(data) - len(data.rstrip(sign))) % 2 else b""
        if held:
            data = data[:-1]
        if data:
            yield pair.sub(lambda found: meanings.get(found[1], found[0]), data) if sign in data else data
    if held:
        yield held
