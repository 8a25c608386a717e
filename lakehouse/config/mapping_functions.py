"""The functions that an expression of a mapping may call, by their names in Spark's SQL.

Each makes one value of values of one row, the same whenever and wherever it is asked. What is not listed is refused:
functions that read files, the environment or the catalogue, run code, look at other rows, draw lots, or make a large
value of a small one. To allow another one, add it here.
"""

from __future__ import annotations

_TEXT = """
ascii base64 bit_length btrim char char_length character_length chr collate concat concat_ws contains crc32 decode elt
encode endswith find_in_set format_number format_string hash hex initcap instr is_valid_utf8 lcase left len length
levenshtein locate lower lpad ltrim luhn_check make_valid_utf8 mask md5 octet_length overlay parse_url position printf
regexp regexp_count regexp_extract regexp_extract_all regexp_instr regexp_like regexp_replace regexp_substr replace
reverse right rlike rpad rtrim sha sha1 sha2 soundex split split_part startswith substr substring substring_index
to_char to_varchar translate trim try_parse_url try_url_decode ucase unbase64 unhex upper url_decode url_encode xxhash64
"""
_NUMBERS = """
abs bin bround cbrt ceil ceiling conv div exp floor greatest isnan least ln log log10 log2 mod nanvl negative pmod
positive pow power rint round sign signum sqrt to_number try_add try_divide try_mod try_multiply try_subtract
try_to_number width_bucket
"""
_TYPES = """
bigint binary boolean cast date dec decimal double float int numeric smallint string timestamp tinyint try_cast varchar
"""
_CHOICES = "coalesce equal_null if ifnull isnotnull isnull nullif nullifzero nvl nvl2 zeroifnull"
_TIMES = """
add_months convert_timezone curdate current_date current_timestamp date_add date_diff date_format date_from_unix_date
date_part date_sub date_trunc dateadd datediff datepart day dayname dayofmonth dayofweek dayofyear extract from_unixtime
from_utc_timestamp hour last_day localtimestamp make_date make_interval make_timestamp make_timestamp_ltz
make_timestamp_ntz minute month monthname months_between next_day now quarter second timestamp_micros timestamp_millis
timestamp_seconds timestampadd timestampdiff to_date to_timestamp to_timestamp_ltz to_timestamp_ntz to_unix_timestamp
to_utc_timestamp trunc try_make_timestamp try_to_date try_to_timestamp unix_date unix_micros unix_millis unix_seconds
unix_timestamp weekday weekofyear year
"""
_NESTED = """
aggregate array array_append array_compact array_contains array_distinct array_except array_insert array_intersect
array_join array_max array_min array_position array_prepend array_remove array_size array_sort array_union
arrays_overlap arrays_zip cardinality element_at exists filter flatten forall from_csv from_json get get_json_object
is_variant_null json_array_length json_object_keys map map_concat map_contains_key map_entries map_filter
map_from_arrays map_from_entries map_keys map_values named_struct parse_json reduce size slice sort_array str_to_map
struct to_csv to_json transform transform_keys transform_values try_element_at try_parse_json try_variant_get
variant_get zip_with
"""
MAPPING_FUNCTIONS = frozenset(" ".join((_TEXT, _NUMBERS, _TYPES, _CHOICES, _TIMES, _NESTED)).split())
