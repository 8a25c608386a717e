"""The ground truth of a dirty sample, `ground_truth.json`: its defects, and the counts a pipeline must arrive at."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FILE_NAME = "ground_truth.json"


class Defect(BaseModel):
    """One defect.

    Attributes:
        row_number: number of the record in `file`, from 1, without the header; null if the whole file is the defect.
        rule_ids: the contract rules that the row breaks, or one of: duplicate, correction, set_aside, new_column,
            unknown_reference, late.
        net_effect: by how much the row changes the sum of net amounts in silver.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    dataset: str
    file: str
    row_number: int | None
    key: dict[str, str]
    rule_ids: tuple[str, ...]
    meaning: str
    net_effect: Decimal = Decimal("0.00")

    @property
    def is_quarantined(self) -> bool:
        """Whether a rule of the dataset's contract rejects the row."""
        return any(rule.startswith(f"{self.dataset}.") for rule in self.rule_ids)


class ExpectedCounts(BaseModel):
    """Counts of one dataset after the whole sample has been loaded into an empty lake.

    read (rows of the landed files) = loaded (rows in silver) + quarantined + duplicates (repeated rows and outdated
    versions). A row counts once in `quarantined`, and once per rule in `quarantined_by_rule`.
    """

    files_delivered: int
    files_landed: int
    files_set_aside: int
    files_repeated: int
    read: int
    loaded: int
    quarantined: int
    quarantined_by_rule: dict[str, int]
    duplicates: int


class GroundTruth(BaseModel):
    """All defects, and the state of bronze and silver that they must lead to.

    Attributes:
        net_amount: exact sum of net amounts in silver.transactions.
        unknown_products_of_the_data: products that the real data sells but products.csv does not have -> lines.
        unknown_products_planted: the same for products that were added as defects.
        files: files of the sample; not written to `ground_truth.json`.
    """

    build_version: int
    scale: int
    defects: list[Defect]
    expected: dict[str, ExpectedCounts]
    net_amount: Decimal
    unknown_products_of_the_data: dict[str, int]
    unknown_products_planted: dict[str, int]
    files: dict[str, tuple[str, int | None]] = Field(default_factory=dict, exclude=True)

    def write(self, folder: Path) -> None:
        """Write ground_truth.json into the folder of the sample."""
        (folder / FILE_NAME).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_ground_truth(folder: Path) -> GroundTruth:
    """The ground truth of a dirty sample. Raises FileNotFoundError for a clean one."""
    return GroundTruth.model_validate_json((folder / FILE_NAME).read_bytes())


def expected_counts(
    dataset: str, clean_rows: int, clean_files: int, defects: list[Defect], added: dict[str, int | None], repeated: int
) -> ExpectedCounts:
    """Derive the counts of one dataset from its defects.

    Args:
        dataset: the dataset.
        clean_rows: rows of the clean dumps.
        clean_files: files of the clean dumps.
        defects: its defects; those whose file is not in `added` were appended to clean files.
        added: added file -> number of rows that land, None if the file is set aside.
        repeated: number of files that were delivered before, under another name.
    """
    appended = sum(1 for d in defects if d.row_number is not None and d.file not in added)
    set_aside = sum(1 for rows in added.values() if rows is None)
    read = clean_rows + appended + sum(rows or 0 for rows in added.values())
    rejected = [d for d in defects if d.is_quarantined]
    by_rule: dict[str, int] = {}
    for rule in (rule for d in rejected for rule in d.rule_ids):
        by_rule[rule] = by_rule.get(rule, 0) + 1
    # A correction is loaded in place of the line it corrects, which becomes an outdated version.
    duplicates = sum(
        1
        for d in defects
        if d.row_number is not None and not d.is_quarantined and d.rule_ids[0] in ("duplicate", "correction")
    )
    return ExpectedCounts(
        files_delivered=clean_files + len(added) + repeated,
        files_landed=clean_files + len(added) - set_aside,
        files_set_aside=set_aside,
        files_repeated=repeated,
        read=read,
        loaded=read - len(rejected) - duplicates,
        quarantined=len(rejected),
        quarantined_by_rule=dict(sorted(by_rule.items())),
        duplicates=duplicates,
    )
