"""The only Delta writes: append_once, merge_by_key, replace_table through the engine; small ops records without it."""
