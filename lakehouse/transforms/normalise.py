"""Identifiers of people in their canonical form, so that the same person is recognised in every source."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as sf

_SHORTEST_NUMBER, _LONGEST_NUMBER = (
    7,
    15,
)  # digits; the longest is E.164's, shorter ones are extensions or typing errors
_ONE_DIGIT = "^(" + "|".join(f"{digit}+" for digit in range(10)) + ")$"


def normalised_phone(phone: Column) -> Column:
    """A telephone number as digits, with a leading + when it names its country (`+49...`, `0049...`).

    Null for what has too few or too many digits, and for one digit repeated (`0000000`), which forms are filled with.
    """
    compact = sf.regexp_replace(phone, "[^0-9+]", "")
    international = sf.regexp_replace(compact, "^00", "+")
    digits = sf.regexp_replace(international, "[+]", "")
    canonical = sf.when(international.startswith("+"), sf.concat(sf.lit("+"), digits)).otherwise(digits)
    is_number = sf.length(digits).between(_SHORTEST_NUMBER, _LONGEST_NUMBER)
    is_repeated = digits.rlike(_ONE_DIGIT)
    return sf.when(is_number & ~is_repeated, canonical)
