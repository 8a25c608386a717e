"""Identifiers of people in their canonical form, so that the same person is recognised in every source."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_SHORTEST_NUMBER, _LONGEST_NUMBER = 7, 15  # digits; the longest is E.164's, shorter ones are extensions or typing errors


def normalised_phone(phone: Column) -> Column:
    """A telephone number as digits, with a leading + when it names its country (`+49...`, `0049...`).

    Null for what has too few or too many digits, and for one digit repeated (`0000000`), which forms are filled with.
    """
    compact = F.regexp_replace(phone, "[^0-9+]", "")
    international = F.regexp_replace(compact, "^00", "+")
    digits = F.regexp_replace(international, "[+]", "")
    canonical = F.when(international.startswith("+"), F.concat(F.lit("+"), digits)).otherwise(digits)
    is_number = F.length(digits).between(_SHORTEST_NUMBER, _LONGEST_NUMBER)
    is_repeated = F.length(F.regexp_replace(digits, "0", "")).eqNullSafe(0) | (digits == F.repeat(F.substring(digits, 1, 1), _LONGEST_NUMBER).substr(F.lit(1), F.length(digits)))
    return F.when(is_number & ~is_repeated, canonical)
