"""Tests of the sample: it has the package's data, is always the same, and its ground truth lists every defect."""
