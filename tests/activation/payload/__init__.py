"""Tests of lakehouse.activation.payload."""
