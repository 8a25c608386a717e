"""The Spark application of the streaming job: one JVM on this machine, its own, with what Delta and Kafka need."""

from __future__ import annotations

import os
from pathlib import Path

from pyspark.sql import SparkSession

from lakehouse.config.settings import Settings
from lakehouse.engine.launch_spark import LOG4J
from lakehouse.services.stream_job import stream_folder, stream_jars
from lakehouse.utils.atomic_files import make_private_folder, write_private

# On a busy machine it warns of every batch that takes longer than its trigger; the lag says whether that matters.
_QUIET = """logger.trigger.name = org.apache.spark.sql.execution.streaming
logger.trigger.level = error
"""


# Variables by which pyspark takes a process for a client of another one's Spark: set by a parent that is one.
_CLIENT_VARIABLES = ("SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE", "SPARK_LOCAL_REMOTE")


def stream_session(chosen: Settings) -> SparkSession:
    """Start the application. One per process."""
    for variable in _CLIENT_VARIABLES:
        os.environ.pop(variable, None)
    folder = stream_folder(chosen)
    make_private_folder(folder)
    log4j = folder / "log4j2.properties"
    write_private(log4j, LOG4J + _QUIET)
    builder = SparkSession.builder.master("local[2]").appName("lakehouse-stream")
    for name, value in _conf(chosen, log4j).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _conf(chosen: Settings, log4j: Path) -> dict[str, str]:
    folder = stream_folder(chosen)
    # A large stack: Spark matches messages of Python's errors with a pattern that recurses.
    options = f'"-Dlog4j2.configurationFile={log4j.as_uri()}" -Xss8m -XX:+ExitOnOutOfMemoryError -Duser.timezone=UTC'
    return {
        "spark.driver.memory": f"{int(chosen.stream_memory_gb * 1024)}m",
        "spark.driver.extraClassPath": os.pathsep.join(map(str, stream_jars(chosen))),
        "spark.driver.extraJavaOptions": options,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.authenticate": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder / "scratch"),
        "spark.scheduler.mode": "FAIR",  # a commit of bronze must not delay signals
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.ansi.enabled": "false",  # what cannot be read is null, and kept in bronze
        "spark.sql.variable.substitute": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.streaming.stateStore.providerClass": (
            "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
        ),
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.sql.streaming.minBatchesToRetain": "10",
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",  # state that is over goes with the next events
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "100000",  # customers of a batch
        "spark.sql.ui.retainedExecutions": "5",
        "spark.ui.retainedJobs": "50",
        "spark.ui.retainedStages": "50",
        "spark.ui.retainedTasks": "1000",
    }
