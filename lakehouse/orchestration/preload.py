"""Imported once by the process that the scheduler's task processes are forked from, so that no task pays seconds of
imports."""

from __future__ import annotations

import importlib
import logging

from lakehouse.config.settings import environment_secrets
from lakehouse.errors import LakehouseError
from lakehouse.orchestration.warm_up import warm_up
from lakehouse.utils.log_records import clean_log_records
from lakehouse.utils.process_tuning import collect_rarely, keep_what_is_there

clean_log_records(environment_secrets())
collect_rarely()
for library in (
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.execution_time.supervisor",
    "cosmos.operators.local",
    "cosmos.airflow.task_group",
):
    importlib.import_module(library)
try:
    warm_up()
except LakehouseError as error:  # the DAGs show the error where people look; the scheduler must start to show it
    logging.getLogger(__name__).warning("the dbt project was not read ahead: %s", error)
keep_what_is_there()
