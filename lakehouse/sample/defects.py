"""Make a sample dirty: add every defect to the clean dumps, and derive the counts a pipeline must arrive at."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from lakehouse.sample.defects_crm import plant_crm_defects
from lakehouse.sample.defects_shop import UNKNOWN_PRODUCTS, plant_shop_defects
from lakehouse.sample.ground_truth import GroundTruth, expected_counts
from lakehouse.sample.manifest import SampleManifest
from lakehouse.sample.spoiling import SpoiledDumps


def plant_defects(folder: Path, clean: SampleManifest, unknown_products: dict[str, int]) -> GroundTruth:
    """Add all defects to the clean dumps below `folder`, in place, and return the ground truth.

    `unknown_products` has the number of lines by product, of products that the real data sells but does not describe.
    """
    dumps = SpoiledDumps(folder)
    plant_crm_defects(dumps)
    plant_shop_defects(dumps)
    expected = {}
    for dataset, clean_rows in sorted(clean.rows.items()):
        expected[dataset] = expected_counts(
            dataset=dataset,
            clean_rows=clean_rows,
            clean_files=sum(1 for file in clean.files.values() if file.dataset == dataset),
            defects=[defect for defect in dumps.defects if defect.dataset == dataset],
            added={file: rows for file, (of, rows) in dumps.added.items() if of == dataset},
            repeated=sum(1 for of, _ in dumps.repeated.values() if of == dataset),
        )
    return GroundTruth(
        build_version=clean.build_version,
        scale=clean.scale,
        defects=dumps.defects,
        expected=expected,
        net_amount=clean.net_amount + sum((defect.net_effect for defect in dumps.defects), Decimal(0)),
        unknown_products_of_the_data=unknown_products,
        unknown_products_planted=dict.fromkeys(UNKNOWN_PRODUCTS, 1),
        files=_files(clean, dumps),
    )


def _files(clean: SampleManifest, dumps: SpoiledDumps) -> dict[str, tuple[str, int | None]]:
    files: dict[str, tuple[str, int | None]] = {}
    for name, file in clean.files.items():
        files[name] = (file.dataset, (file.rows or 0) + dumps.appended.get(name, 0))
    return files | dumps.added | dumps.repeated
