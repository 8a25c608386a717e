"""Airflow as a server: `lakehouse up` and `down`, its supervisor and their record."""
