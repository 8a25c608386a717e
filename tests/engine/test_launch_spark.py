"""How Spark is set up."""

from __future__ import annotations

from lakehouse.config.settings import Settings
from lakehouse.engine.launch_spark import spark_conf


def test_no_name_or_text_in_a_query_reads_the_environment_of_the_engine() -> None:
    """Spark puts the value of a variable in the place of `${env:NAME}`, within quotes too, unless it is told not to."""
    assert spark_conf(Settings())["spark.sql.variable.substitute"] == "false"
