"""Delivered bytes -> rows of text: CSV, JSON lines, Parquet."""
