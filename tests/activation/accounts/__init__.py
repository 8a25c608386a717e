"""Tests of lakehouse.activation.accounts."""
