"""The ground truth agrees with the files: recomputed from their bytes and the contracts, without the code of the
defects."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from lakehouse.contracts import DATASETS, Column
from lakehouse.sample import GroundTruth, SampleManifest, build
from lakehouse.sample.ground_truth import read_ground_truth
from tests.sample.conftest import PART
from tests.sample.files import contents

pytestmark = pytest.mark.slow

Sample = tuple[Path, SampleManifest]
Rows = list[dict[str, str | None]]

_REFERENCE = {"reference_type": "'crm_id'", "customer_reference": "contact_id"}
# Column of the contract -> SQL over the columns of the dump.
MAPPINGS: dict[str, dict[str, str]] = {
    "contacts": {
        "contact_id": "id",
        "loyalty_id": "loyalty_card",
        "postal_code": "zip",
        "age_band": "age",
        "income_band": "income",
    }
    | {"created_at": "created", "updated_at": "modified"}
    | {
        name: name
        for name in ("email", "phone", "first_name", "last_name", "language", "country", "household_size", "kids_count")
    },
    "consents": _REFERENCE
    | {
        "status": """case event when 'opt_in' then 'granted' when 'unsubscribe' then 'withdrawn'
            when 'hard_bounce' then 'bounced' when 'complaint' then 'complained' else event end""",
        "channel": "channel",
        "purpose": "purpose",
        "changed_at": "event_time",
        "origin": "origin",
    },
    "products": {
        name: name
        for name in ("product_id", "name", "department", "category", "brand", "manufacturer_id", "package_size")
    },
    "campaigns": {
        "campaign_id": "campaign_id",
        "name": "name",
        "campaign_type": "type",
        "starts_at": "start",
        "ends_at": '"end"',
    },
    "campaign_members": _REFERENCE | {"campaign_id": "campaign_id"},
    "redemptions": _REFERENCE
    | {
        "redemption_id": "redemption_id",
        "coupon_id": "coupon_upc",
        "campaign_id": "campaign_id",
        "redeemed_at": "redeemed_on",
    },
    "transactions": {
        "transaction_id": "basket_id",
        "line_number": "line",
        "reference_type": "ref_type",
        "customer_reference": "customer_ref",
    }
    | {
        "product_id": "product_id",
        "quantity": "quantity",
        "net_amount": "sales_value",
        "discount_amount": "discount",
        "currency": "currency",
    }
    | {"store_id": "store_id", "occurred_at": "sold_at", "updated_at": "exported_at"},
}
REQUIRED_THEIRS = {
    "basket_id",
    "line",
    "ref_type",
    "customer_ref",
    "product_id",
    "quantity",
    "sales_value",
    "currency",
    "sold_at",
}


@pytest.fixture(scope="module")
def truth(dirty: Sample) -> GroundTruth:
    return read_ground_truth(dirty[0])


def read_file(path: Path) -> Rows:
    """Records of a delivered file; ValueError, EOFError or zlib.error when it cannot be read as declared."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    header, *lines = csv.reader(io.StringIO(text), delimiter=";" if path.name == "consents.csv" else ",")
    if any(len(line) != len(header) for line in lines):
        raise ValueError("a line has another number of fields than the header")
    if path.parent.name == "transactions" and (missing := REQUIRED_THEIRS - set(header)):
        raise ValueError(f"columns are missing: {missing}")
    return [{name: value or None for name, value in zip(header, line, strict=True)} for line in lines]


def landed(folder: Path, manifest: SampleManifest, dataset: str) -> tuple[dict[str, Rows], set[str], set[str]]:
    """File -> records of what lands, the files that are set aside, and those that were delivered before."""
    readable: dict[str, Rows] = {}
    set_aside: set[str] = set()
    repeated: set[str] = set()
    seen: set[str] = set()
    for file in (name for name, of in manifest.files.items() if of.dataset == dataset):
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        if digest in seen:
            repeated.add(file)
            continue
        seen.add(digest)
        try:
            readable[file] = read_file(folder / file)
        except (ValueError, EOFError, zlib.error):
            set_aside.add(file)
    return readable, set_aside, repeated


def broken_rules(dataset: str, column: Column) -> list[str]:
    """SQL that gives the id of each rule the column breaks, else null."""
    raw, typed = f"raw.{column.name}", f"typed.{column.name}"
    rules = {"required": f"{raw} is null" if column.required else "", "type": f"{raw} is not null and {typed} is null"}
    rules["allowed"] = f"{typed} not in {column.allowed}" if column.allowed else ""
    rules["range"] = f"{typed} < {column.minimum}" if column.minimum else ""
    rules["pattern"] = f"not regexp_full_match({typed}, '{column.pattern}')" if column.pattern else ""
    return [f"case when {bad} then '{dataset}.{column.name}.{rule}' end" for rule, bad in rules.items() if bad]


def judged(files: dict[str, Rows], dataset: str) -> duckdb.DuckDBPyConnection:
    """A connection with table `judged`: file, row_number, typed columns, and the rules that each row breaks."""
    contract, mapping = DATASETS[dataset], MAPPINGS[dataset]
    columns = [column for column in contract.delivered if column.name in mapping]
    names = sorted({name for records in files.values() for name in records[0]})
    flat = [(file, number, record) for file, records in files.items() for number, record in enumerate(records, start=1)]
    delivered = pa.table(  # noqa: F841 - read by DuckDB
        {"_file": [file for file, _, _ in flat], "_row_number": [number for _, number, _ in flat]}
        | {name: pa.array([record.get(name) for _, _, record in flat], pa.string()) for name in names}
    )
    rules = [rule for column in columns for rule in broken_rules(dataset, column)]
    in_duckdb = {rule.id: rule.bad_when.replace(" rlike ", " ~ ") for rule in contract.rules}
    row_rules = [f"case when {bad_when} then '{rule_id}' end" for rule_id, bad_when in in_duckdb.items()]
    mapped = ", ".join(f"{mapping[column.name]} as {column.name}" for column in columns)
    cast = ", ".join(f"try_cast({column.name} as {column.type}) as {column.name}" for column in columns)
    con = duckdb.connect()
    con.execute(f"""
        create table judged as
        with raw as (select _file, _row_number, {mapped} from delivered),
        typed as (select _file, _row_number, {cast} from raw),
        by_row as (select _file, _row_number, [{", ".join(row_rules)}]::varchar[] as row_rules from typed)
        select typed.*, list_filter(row_rules || [{", ".join(rules)}], lambda rule: rule is not null) as rules
        from raw join typed using (_file, _row_number) join by_row using (_file, _row_number)""")
    return con


@pytest.mark.parametrize("dataset", MAPPINGS)
def test_files_and_rows_are_as_the_ground_truth_says(dirty: Sample, truth: GroundTruth, dataset: str) -> None:
    folder, manifest = dirty
    files, set_aside, repeated = landed(folder, manifest, dataset)
    planted = [defect for defect in truth.defects if defect.dataset == dataset]
    assert set_aside == {defect.file for defect in planted if defect.rule_ids == ("set_aside",)}
    assert repeated == {defect.file for defect in planted if defect.kind == "repeated_file"}
    con, contract, expected = judged(files, dataset), DATASETS[dataset], truth.expected[dataset]
    rejected = {
        (file, number): tuple(sorted(rules))
        for file, number, rules in con.execute(
            "select _file, _row_number, rules from judged where rules <> []"
        ).fetchall()
    }
    assert rejected == {
        (defect.file, defect.row_number): tuple(sorted(defect.rule_ids)) for defect in planted if defect.is_quarantined
    }
    counted = con.execute(
        f"select count(*), count(distinct ({', '.join(contract.key)}, 0)) filter (rules = []) from judged"
    ).fetchone()
    assert counted is not None
    read, loaded = counted
    by_rule = dict(
        con.execute("select rule, count(*) from (select unnest(rules) as rule from judged) group by rule").fetchall()
    )
    assert expected.model_dump() == {
        "files_delivered": len(files) + len(set_aside) + len(repeated),
        "files_landed": len(files),
        "files_set_aside": len(set_aside),
        "files_repeated": len(repeated),
        "read": read,
        "loaded": loaded,
        "quarantined": len(rejected),
        "quarantined_by_rule": by_rule,
        "duplicates": read - loaded - len(rejected),
    }


def test_net_amount_and_unknown_products_are_as_the_ground_truth_says(dirty: Sample, truth: GroundTruth) -> None:
    folder, manifest = dirty
    con = judged(landed(folder, manifest, "transactions")[0], "transactions")
    con.execute("""
        create table silver as select * from judged where rules = []
        qualify row_number() over (
            partition by transaction_id, line_number order by updated_at desc, occurred_at desc
        ) = 1""")
    assert con.execute("select sum(net_amount) from silver").fetchone() == (truth.net_amount,)
    assert truth.net_amount == manifest.net_amount + sum((defect.net_effect for defect in truth.defects), Decimal(0))
    products = pa.table({"product_id": [record["product_id"] for record in read_file(folder / "crm/products.csv")]})  # noqa: F841 - read by DuckDB
    unknown = dict(
        con.execute(
            "select product_id, count(*) from silver anti join products using (product_id) group by product_id"
        ).fetchall()
    )
    assert unknown == truth.unknown_products_of_the_data | truth.unknown_products_planted


def test_the_clean_data_is_still_there(dirty: Sample, tmp_path: Path) -> None:
    """Defects are appended rows and added files: every clean file is a prefix of the dirty one of its name."""
    build(tmp_path / "sample", households=PART)
    spoiled = contents(dirty[0])
    for file, content in contents(tmp_path / "sample").items():
        if file != "manifest.json":
            assert spoiled[file].startswith(content), file


def test_every_planted_row_is_at_its_place(dirty: Sample, truth: GroundTruth) -> None:
    folder, _ = dirty
    for defect in truth.defects:
        if defect.row_number is not None:
            record = read_file(folder / defect.file)[defect.row_number - 1]
            assert {name: record[name] or "" for name in defect.key} == defect.key, defect


def test_corrections_win_and_outdated_versions_do_not(dirty: Sample, truth: GroundTruth) -> None:
    """Of the versions of a corrected line, the one exported last is the one the truth counts; files come in another
    order."""
    folder, _ = dirty
    original = read_file(folder / "shop/transactions/2017-07-10.csv")
    planted = read_file(folder / "shop/transactions/2017-07-15.csv") + read_file(
        folder / "shop/transactions/2017-07-20.csv"
    )
    kinds = {"correction", "outdated_version", "invalid_correction"}
    keys = {
        (d.key["basket_id"], d.key["line"]) for d in truth.defects if d.dataset == "transactions" and d.kind in kinds
    }
    assert len(keys) == 5
    changed = Decimal(0)
    for key in keys:
        versions = [
            record
            for record in original + planted
            if (record["basket_id"], record["line"]) == key and record["sales_value"] != "void"
        ]
        newest = max(versions, key=lambda record: record["exported_at"] or "")
        changed += Decimal(newest["sales_value"] or "") - Decimal(versions[0]["sales_value"] or "")
    assert changed == Decimal("1.50") - Decimal("0.01") + Decimal("10.00") + Decimal("0.37")
