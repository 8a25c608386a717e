"""Airflow's servers: `lakehouse up` and `down`, the supervisor and its record."""
