"""The engine and the empty lake of the jobs' tests."""

from tests.spark_jobs.conftest import engine_home, lake, pytest_configure, pytest_generate_tests

__all__ = ["engine_home", "lake", "pytest_configure", "pytest_generate_tests"]
