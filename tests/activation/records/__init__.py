"""Tests of lakehouse.activation.records."""
