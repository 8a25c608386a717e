"""Tests of lakehouse.activation.segments."""
