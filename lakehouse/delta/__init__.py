"""The only Delta writes: append_once, merge_by_key, replace_table through the engine; small ops records without it."""

from lakehouse.delta.append import append, append_once
from lakehouse.delta.changes import changes_since
from lakehouse.delta.commits import committed
from lakehouse.delta.merge import delete_by_key, merge_by_key
from lakehouse.delta.replace import replace_small_table, replace_table
from lakehouse.delta.schema import ensure_table

__all__ = ["append", "append_once", "changes_since", "committed", "delete_by_key", "ensure_table", "merge_by_key", "replace_small_table", "replace_table"]
