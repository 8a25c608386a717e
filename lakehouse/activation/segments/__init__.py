"""Segments: conditions of segments.yml and dbt models, checked, listed, and looked at before anything is built."""
