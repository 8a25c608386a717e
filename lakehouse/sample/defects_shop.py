"""Defects of the shop's daily files: bad lines, repeated lines and files, corrections, late and broken files."""

from __future__ import annotations

import gzip
import shutil
from datetime import datetime, timedelta
from decimal import Decimal

from lakehouse.sample.spoiling import Record, SpoiledDumps, csv_line, describe_changes

_DATASET = "transactions"
_KEY = ("basket_id", "line")

# kind, changes to a clean line, rules broken
_BAD_LINES: tuple[tuple[str, Record, tuple[str, ...]], ...] = (
    ("bad_date", {"sold_at": "2017-02-30 10:00:00"}, ("transactions.occurred_at.type",)),
    ("bad_date", {"sold_at": "yesterday"}, ("transactions.occurred_at.type",)),
    ("bad_date", {"exported_at": "soon"}, ("transactions.updated_at.type",)),
    ("not_a_number", {"quantity": "two"}, ("transactions.quantity.type",)),
    ("not_a_number", {"quantity": "1,5"}, ("transactions.quantity.type",)),
    ("not_a_number", {"sales_value": "twelve"}, ("transactions.net_amount.type",)),
    ("not_a_number", {"sales_value": "12,50"}, ("transactions.net_amount.type",)),
    ("not_a_number", {"line": "one"}, ("transactions.line_number.type",)),
    ("out_of_range", {"line": "0"}, ("transactions.line_number.range",)),
    ("out_of_range", {"discount": "-1.00"}, ("transactions.discount_amount.sign",)),
    ("missing_required", {"basket_id": None}, ("transactions.transaction_id.required",)),
    ("missing_required", {"ref_type": None}, ("transactions.reference_type.missing",)),
    ("missing_required", {"quantity": None}, ("transactions.quantity.required",)),
    ("missing_required", {"sales_value": None}, ("transactions.net_amount.required",)),
    ("missing_required", {"sold_at": None}, ("transactions.occurred_at.required",)),
    ("unknown_reference_type", {"ref_type": "cookie"}, ("transactions.reference_type.allowed",)),
    ("bad_code", {"currency": "usd"}, ("transactions.currency.pattern",)),
    (
        "two_rules",
        {"line": "0", "sales_value": "n/a"},
        ("transactions.line_number.range", "transactions.net_amount.type"),
    ),
)

UNKNOWN_PRODUCTS = ("99999999001", "99999999002")


def _day(date: str, suffix: str = "", extension: str = "csv") -> str:
    return f"shop/transactions/{date}{suffix}.{extension}"


def _amount(record: Record) -> Decimal:
    return Decimal(record["sales_value"] or "0")


def plant_shop_defects(dumps: SpoiledDumps) -> None:
    """Add all defects to the daily files, and new files that are late, repeated or broken."""
    _plant_bad_lines(dumps)
    _plant_repeated_lines(dumps)
    _plant_corrections(dumps)
    _add_late_file(dumps)
    _add_repeated_file(dumps)
    _add_odd_headers(dumps)
    _add_unreadable_files(dumps)


def _plant_bad_lines(dumps: SpoiledDumps) -> None:
    file = _day("2017-05-10")
    for number, (kind, changes, rules) in enumerate(_BAD_LINES, start=1):
        record = dumps.dump(file).record(number) | {"basket_id": f"D1{number:04d}"} | changes
        dumps.plant(kind, _DATASET, file, record, _KEY, rules, describe_changes(changes))
    for number, product in enumerate(UNKNOWN_PRODUCTS, start=1):
        record = dumps.dump(file).record(number) | {
            "basket_id": f"D2{number:04d}",
            "product_id": product,
            "sales_value": "3.10",
        }
        meaning = f"product {product} is not in products.csv; the line is loaded and reported"
        dumps.plant("unknown_product", _DATASET, file, record, _KEY, ("unknown_reference",), meaning, _amount(record))
    record = dumps.dump(file).record(1) | {
        "basket_id": "D30001",
        "ref_type": "loyalty_id",
        "customer_ref": "LC99999999",
        "sales_value": "5.25",
    }
    meaning = "no contact has this card; the line is loaded and its buyer becomes a customer of its own"
    dumps.plant("unknown_customer", _DATASET, file, record, _KEY, ("unknown_reference",), meaning, _amount(record))


def _plant_repeated_lines(dumps: SpoiledDumps) -> None:
    first, second = _day("2017-03-06"), _day("2017-03-07")
    for row_number in (1, 2, 3):
        dumps.repeat(
            "exact_duplicate", _DATASET, first, first, row_number, _KEY, f"row {row_number} of the same file once more"
        )
    for row_number in (5, 6, 7, 8):
        dumps.repeat(
            "exact_duplicate", _DATASET, second, first, row_number, _KEY, f"row {row_number} of {first} once more"
        )


def _later(record: Record, days: int) -> str:
    exported_at = datetime.fromisoformat(record["exported_at"] or "") + timedelta(days=days)
    return f"{exported_at:%Y-%m-%d %H:%M:%S}"


def _plant_corrections(dumps: SpoiledDumps) -> None:
    sold, early, late = _day("2017-07-10"), _day("2017-07-15"), _day("2017-07-20")
    lines = [dumps.dump(sold).record(number) for number in range(1, 8)]
    for record, changed in zip(lines[:4], ("1.00", "-0.01", "10.00", "0.37"), strict=True):
        corrected = record | {
            "sales_value": f"{_amount(record) + Decimal(changed):.2f}",
            "exported_at": _later(record, 5),
        }
        dumps.plant(
            "correction",
            _DATASET,
            early,
            corrected,
            _KEY,
            ("correction",),
            f"line of {sold}, amount {changed} more",
            Decimal(changed),
        )
    twice = lines[0] | {
        "sales_value": f"{_amount(lines[0]) + Decimal('1.50'):.2f}",
        "exported_at": _later(lines[0], 10),
    }
    dumps.plant(
        "correction",
        _DATASET,
        late,
        twice,
        _KEY,
        ("correction",),
        f"line of {sold}, corrected once more, again 0.50 more",
        Decimal("0.50"),
    )
    # Delivered after the correction of the 15th (5 days later), exported before it (2 days later).
    outdated = lines[2] | {"sales_value": "0.02", "exported_at": _later(lines[2], 2)}
    dumps.plant(
        "outdated_version",
        _DATASET,
        late,
        outdated,
        _KEY,
        ("duplicate",),
        f"line of {sold}, already corrected by a newer export",
    )
    invalid = lines[5] | {"sales_value": "void", "exported_at": _later(lines[5], 10)}
    dumps.plant(
        "invalid_correction",
        _DATASET,
        late,
        invalid,
        _KEY,
        ("transactions.net_amount.type",),
        f"line of {sold}; what is known of it stays",
    )


def _new_lines(dumps: SpoiledDumps, date: str, prefix: str, count: int = 6, **changes: str) -> list[Record]:
    """Lines of that day as new receipts of one line each, with amounts that are easy to add up."""
    clean = dumps.dump(_day(date))
    own: list[Record] = [
        {"basket_id": f"{prefix}{number:04d}", "line": "1", "sales_value": f"{number}.05"}
        for number in range(1, count + 1)
    ]
    return [
        clean.record(number) | fields | dict[str, str | None](changes) for number, fields in enumerate(own, start=1)
    ]


def _text(columns: list[str], records: list[Record]) -> str:
    return "".join(
        csv_line(line) + "\n"
        for line in [list[str | None](columns), *([record[name] for name in columns] for record in records)]
    )


def _add_late_file(dumps: SpoiledDumps) -> None:
    """Add receipts of February in a file that is delivered at the end of the year."""
    records = _new_lines(dumps, "2017-02-10", "D4", exported_at="2017-12-30 03:00:00")
    file = _day("2017-02-10", "_late")
    dumps.add_file(_DATASET, file, _text(dumps.dump(_day("2017-02-10")).columns, records).encode(), len(records))
    dumps.note(
        "late_file",
        _DATASET,
        file,
        ("late",),
        "sold in February, exported on 30 December",
        net_effect=sum(map(_amount, records), Decimal(0)),
    )


def _add_repeated_file(dumps: SpoiledDumps) -> None:
    original, copy = _day("2017-06-07"), _day("2017-06-07", "_copy")
    shutil.copy2(dumps.folder / original, dumps.folder / copy)  # as old as the original: no newer word
    dumps.repeated[copy] = (_DATASET, len(dumps.dump(original).lines))
    dumps.note("repeated_file", _DATASET, copy, ("duplicate",), f"the bytes of {original} under another name")


def _add_odd_headers(dumps: SpoiledDumps) -> None:
    columns = dumps.dump(_day("2017-10-10")).columns
    file, records = _day("2017-10-10", "_kiosk"), _new_lines(dumps, "2017-10-10", "D5", till_id="T7")
    dumps.add_file(_DATASET, file, _text([*columns, "till_id"], records).encode(), len(records))
    dumps.note(
        "extra_column",
        _DATASET,
        file,
        ("new_column",),
        "has a column till_id; its rows are loaded",
        net_effect=sum(map(_amount, records), Decimal(0)),
    )
    file, records = _day("2017-11-11", "_kiosk"), _new_lines(dumps, "2017-11-11", "D6")
    dumps.add_file(_DATASET, file, _text([name for name in columns if name != "sales_value"], records).encode(), None)
    dumps.note("missing_column", _DATASET, file, ("set_aside",), "lacks the required column sales_value")


def _add_unreadable_files(dumps: SpoiledDumps) -> None:
    columns = dumps.dump(_day("2017-08-08")).columns
    file, records = (
        _day("2017-08-08", "_web"),
        _new_lines(dumps, "2017-08-08", "D7", ref_type="email", customer_ref="josé@example.com"),
    )
    dumps.add_file(_DATASET, file, _text(columns, records).encode("latin-1"), None)
    dumps.note("wrong_encoding", _DATASET, file, ("set_aside",), "is Latin-1 with an accented letter, not UTF-8")
    file, records = _day("2017-09-09", "_store"), _new_lines(dumps, "2017-09-09", "D8")
    text = _text(columns, records)
    dumps.add_file(_DATASET, file, text[: text.rindex(",", 0, text.rindex(",") - 12)].encode(), None)
    dumps.note("truncated_file", _DATASET, file, ("set_aside",), "ends in the middle of its last line")
    file, records = _day("2017-09-10", "_store", "csv.gz"), _new_lines(dumps, "2017-09-10", "D9")
    # Without a time in the gzip header, so that the bytes are always the same.
    packed = gzip.compress(_text(columns, records).encode(), compresslevel=6, mtime=0)
    dumps.add_file(_DATASET, file, packed[: len(packed) * 2 // 3], None)
    dumps.note("truncated_file", _DATASET, file, ("set_aside",), "gzip that ends before its end")
