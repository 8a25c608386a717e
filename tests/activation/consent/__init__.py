"""Tests of lakehouse.activation.consent."""
