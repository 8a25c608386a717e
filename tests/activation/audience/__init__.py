"""Tests of lakehouse.activation.audience."""
