"""Identifiers of people in their canonical form, so that the same person is recognised in every source."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as sf

from lakehouse.transforms.placeholders import DAMAGED_NUMBER

_SHORTEST_NUMBER, _LONGEST_NUMBER = (
    7,
    15,
)  # digits; the longest is E.164's, shorter ones are extensions or typing errors
_ONE_DIGIT = "^(" + "|".join(f"{digit}+" for digit in range(10)) + ")$"


def normalised_phone(phone: Column) -> Column:
    """A telephone number as digits, with a leading + when it names its country (`+49...`, `0049...`).

    Null for what has too few or too many digits, for one digit repeated (`0000000`), which forms are filled with, and
    for `4.91512E+11`, which a spreadsheet made of a number.
    """
    compact = sf.regexp_replace(phone, "[^0-9+]", "")
    international = sf.regexp_replace(compact, "^00", "+")
    digits = sf.regexp_replace(international, "[+]", "")
    canonical = sf.when(international.startswith("+"), sf.concat(sf.lit("+"), digits)).otherwise(digits)
    is_number = sf.length(digits).between(_SHORTEST_NUMBER, _LONGEST_NUMBER)
    is_repeated, is_damaged = digits.rlike(_ONE_DIGIT), sf.lower(sf.trim(phone)).rlike(DAMAGED_NUMBER)
    return sf.when(is_number & ~is_repeated & ~is_damaged, canonical)
