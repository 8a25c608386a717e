"""Tests of lakehouse.activation.campaigns."""
