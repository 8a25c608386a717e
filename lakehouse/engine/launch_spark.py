"""How Spark is started: one JVM that serves Spark Connect to whoever shows the token of this start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from lakehouse.config.settings import Settings
from lakehouse.engine.jars import delta_jars, spark_home
from lakehouse.engine.java import java_binary
from lakehouse.engine.launch import SESSION_SECONDS, Launch, memory_limit_gb
from lakehouse.engine.state import engine_dir

# What a JVM needs beside its heap: class data, threads, code cache, grpc and parquet buffers.
_BESIDE_THE_HEAP_GB = 0.7
LOG4J = """rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
# Without what is in single quotes: in messages about data these are values of rows.
appender.stderr.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %replace{%.1000m%n%ex{20}}{'.*'}{'...'}
"""


def launch_spark(chosen: Settings) -> Launch:
    """Command line of the Spark engine. Raises what `delta_jars` and `java_binary` raise."""
    folder = engine_dir(chosen.home)
    folder.mkdir(parents=True, exist_ok=True)
    log4j = folder / "log4j2.properties"
    log4j.write_text(LOG4J)
    properties = folder / "spark.properties"
    properties.write_text("".join(f"{key}={value}\n" for key, value in spark_conf(chosen).items()))
    heap_mb = int(max(memory_limit_gb(chosen) - _BESIDE_THE_HEAP_GB, 1) * 1024)
    command = [
        str(spark_home() / "bin" / "spark-submit"),
        "--properties-file",
        str(properties),
        "--driver-memory",
        f"{heap_mb}m",
    ]
    command += ["--driver-class-path", os.pathsep.join(map(str, delta_jars(chosen)))]
    # Quoted, because Spark takes the options apart at spaces, and as a URI, because log4j wants one.
    paths = f'"-Dlog4j2.configurationFile={log4j.as_uri()}"'
    command += ["--driver-java-options", f"{paths} -XX:+ExitOnOutOfMemoryError -Duser.timezone=UTC"]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    java_home = java_binary(chosen).resolve().parent.parent
    token = secrets.token_urlsafe(32)
    environment = {
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
        "SPARK_HOME": str(spark_home()),
        "JAVA_HOME": str(java_home),
        "SPARK_LOCAL_IP": chosen.engine_host,
        "SPARK_CONF_DIR": str(folder),
    }
    address = f"{chosen.engine_host}:{chosen.engine_port}"
    return Launch(command, address, token, environment, patience_seconds=240)


def spark_conf(chosen: Settings) -> dict[str, str]:
    """Spark's properties for one machine; loopback only, no metastore on disk: the lake is the catalogue's truth."""
    scratch = Path(engine_dir(chosen.home)) / "spill"
    return {
        "spark.master": "local[*]",
        "spark.app.name": "lakehouse",
        # Its ports beside Spark Connect's, which a program on this machine could send tasks to; the secret is Spark's.
        "spark.authenticate": "true",
        "spark.connect.grpc.binding.address": chosen.engine_host,
        "spark.connect.grpc.binding.port": str(chosen.engine_port),
        "spark.connect.session.manager.defaultSessionTimeout": f"{SESSION_SECONDS}s",
        "spark.driver.host": chosen.engine_host,
        "spark.driver.bindAddress": chosen.engine_host,
        "spark.ui.enabled": "false",
        "spark.local.dir": str(scratch),
        # Delta: a default of 50 partitions makes every read of a small table's log a stage of 50 tasks.
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "2",
        # Names live as long as the JVM, shared by all sessions; `lakehouse.spark.session` gives them again.
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(engine_dir(chosen.home) / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        # Else `${env:NAME}` in any SQL, as in the name of a delivered column, becomes a variable of the engine.
        "spark.sql.variable.substitute": "false",
        # With it, pyspark looks for IPython on all paths at every call.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # The models of gold need more compiled code than the default of 100 holds: warm builds took a third longer.
        "spark.sql.codegen.cache.maxEntries": "1000",
        # Its cost explodes with aliases: with it, the snapshot of six customers filled a heap of 1.3 GB; without it, it
        # takes seconds.
        "spark.sql.constraintPropagation.enabled": "false",
        # The engine lives for weeks and its UI is off: nothing shows plans and metrics of past queries.
        "spark.sql.ui.retainedExecutions": "5",
        "spark.ui.retainedJobs": "50",
        "spark.ui.retainedStages": "50",
        "spark.ui.retainedTasks": "1000",
    }
