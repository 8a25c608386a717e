"""Tests of lakehouse.activation.preview."""
