"""The sample: one year of real grocery shopping, rendered as the dumps a CRM and a shop would leave. Imports DuckDB, so
import it late."""

from lakehouse.sample.build import build
from lakehouse.sample.ground_truth import Defect, ExpectedCounts, GroundTruth
from lakehouse.sample.manifest import BUILD_VERSION, DumpFile, SampleManifest

__all__ = ["BUILD_VERSION", "Defect", "DumpFile", "ExpectedCounts", "GroundTruth", "SampleManifest", "build"]
