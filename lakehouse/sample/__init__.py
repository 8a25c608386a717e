"""The sample: one year of real grocery shopping, written as the dumps of a CRM and a shop.

Imports DuckDB, so import it only when it is needed.
"""

from lakehouse.sample.build import build
from lakehouse.sample.ground_truth import Defect, ExpectedCounts, GroundTruth
from lakehouse.sample.manifest import BUILD_VERSION, DumpFile, SampleManifest

__all__ = ["BUILD_VERSION", "Defect", "DumpFile", "ExpectedCounts", "GroundTruth", "SampleManifest", "build"]
