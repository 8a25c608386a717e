"""The empty lake of the jobs' tests."""

from tests.spark_jobs.conftest import lake

__all__ = ["lake"]
