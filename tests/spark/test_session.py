"""One session for everybody: names of all tables, UTC, the same on both engines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import traceback
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from dbt.adapters.spark.session import Connection
from deltalake import write_deltalake
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from lakehouse.config.settings import settings
from lakehouse.errors import EngineUnavailableError
from lakehouse.gold.dbt_environment import connection_env, dbt_environment
from lakehouse.spark import session as spark_session
from lakehouse.spark.guard import guarded
from lakehouse.spark.session import forget_missing, register, session
from lakehouse.spark.table_names import named_tables
from lakehouse.storage.ops_tables import record
from lakehouse.tables import Layer, TableRef, gold, silver
from lakehouse.window import BatchWindow
from tests.support.homes import Home

pytestmark = pytest.mark.both_engines


def rows_of(spark: SparkSession, query: str) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in spark.sql(query).collect())


def test_is_cached_and_utc(engine: Home) -> None:
    spark = session()
    assert session() is spark
    assert rows_of(spark, "select cast(timestamp '2018-01-02 00:00:00' as bigint) as seconds") == [(1514851200,)]
    assert {"bronze", "silver", "gold", "ops"} <= {row[0] for row in rows_of(spark, "show schemas")}


def test_a_program_that_ends_says_nothing(engine: Home) -> None:
    program = "from lakehouse.spark.session import session; print(session().sql('select 1 as one').collect()[0].one)"
    environment = os.environ | {
        "SPARK_CONNECT_LOG_LEVEL": "WARNING"
    }  # as in a task, where Airflow switches pyspark's logger on
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def test_tables_get_their_names_when_they_appear(engine: Home) -> None:
    lake = settings().lake
    session()
    write_deltalake(silver("arrivals").location(lake), pa.table({"arrival_id": ["a", "b"]}))
    recorded = {
        "stage": "s",
        "input_table": "t",
        "input_version": 3,
        "run_id": "r",
        "recorded_at": datetime(2018, 1, 2, tzinfo=UTC),
    }
    record("progress", [recorded], lake)
    assert rows_of(session(), "select arrival_id from silver.arrivals") == [("a",), ("b",)]
    assert rows_of(session(), "select input_version from ops.progress") == [(3,)]
    write_deltalake(silver("arrivals").location(lake), pa.table({"arrival_id": ["c"]}), mode="append")
    assert rows_of(session(), "select count(*) from silver.arrivals") == [(3,)]


def test_register_names_a_table_and_refuses_what_is_none(engine: Home) -> None:
    spark, table = session(), silver("registered")
    spark.range(2).write.format("delta").save(table.location(settings().lake))
    register(spark, table)
    register(spark, table)
    assert rows_of(spark, "select * from silver.registered") == [(0,), (1,)]
    with pytest.raises(LookupError, match="nothing_there"):
        register(spark, silver("nothing_there"))
    assert not (engine.lake / "silver" / "nothing_there").exists()


def test_names_of_tables_that_were_removed_are_forgotten(engine: Home) -> None:
    spark, lake = session(), settings().lake
    for table in (gold("removed"), gold("kept"), silver("removed")):
        spark.range(2).write.format("delta").save(table.location(lake))
        register(spark, table)
    for table in (gold("removed"), silver("removed")):
        shutil.rmtree(table.location(lake))
    forget_missing(Layer.GOLD)
    assert named_tables(spark, Layer.GOLD) & {gold("removed"), gold("kept")} == {gold("kept")}
    assert silver("removed") in named_tables(spark), "another layer has another writer"
    spark.range(3).write.format("delta").save(gold("removed").location(lake))
    assert rows_of(session(), "select count(*) from gold.removed") == [(3,)]


def test_create_merge_and_replace_by_path_are_seen_by_name(engine: Home) -> None:
    spark, table = session(), gold("facts")
    place = table.location(settings().lake)
    spark.sql("select 1 as fact_id, 'a' as note").write.format("delta").save(place)
    register(spark, table)
    changes = "(select 1 as fact_id, 'b' as note union all select 2, 'c')"
    spark.sql(
        f"merge into delta.`{place}` t using {changes} s on t.fact_id = s.fact_id"
        " when matched then update set * when not matched then insert *"
    ).collect()
    assert rows_of(spark, "select * from gold.facts") == [(1, "b"), (2, "c")]
    wider = spark.sql("select 9 as fact_id, 'z' as note, true as is_new")
    wider.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(place)
    assert rows_of(spark, "select fact_id, is_new from gold.facts") == [(9, True)]


def test_table_made_by_name_lands_in_the_lake(engine: Home) -> None:
    session().sql("create table gold.by_name using delta as select 1 as x").collect()
    assert (engine.lake / "gold" / "by_name" / "_delta_log").is_dir()


def test_forked_child_gets_a_session_of_its_own(engine: Home) -> None:
    spark = session()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if rows_of(session(), "select 41 + 1") == [(42,)] else 1
        except Exception:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rows_of(spark, "select 1") == [(1,)]


def test_other_threads_find_the_session_as_dbt_does(engine: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    spark, found = session(), []
    for name, value in connection_env().items():
        monkeypatch.setenv(name, value)
    thread = threading.Thread(target=lambda: found.append(SparkSession.builder.enableHiveSupport().getOrCreate()))
    thread.start()
    thread.join()
    assert (found == [spark]) == (engine.engine == "sail")
    assert found[0].sql("select 1").collect() == spark.sql("select 1").collect()


def test_dbt_sees_the_names(engine: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_deltalake(TableRef.parse("silver.for_dbt").location(settings().lake), pa.table({"x": [7]}))
    moment = datetime(2018, 1, 2, tzinfo=UTC)
    env = dbt_environment(BatchWindow.of(moment, moment, "run"))
    assert env["LAKEHOUSE_AS_OF"] == "2018-01-02T00:00:00Z"
    assert (env["LAKEHOUSE_ENGINE"], env["LAKEHOUSE_LAKE_ROOT"]) == (engine.engine, settings().lake)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    dbt_environment(BatchWindow.of(moment, moment, "run"))
    cursor = Connection(server_side_parameters={"spark.sql.ansi.enabled": "false"}).cursor()
    cursor.execute("select x from silver.for_dbt")
    assert [tuple(row) for row in cursor.fetchall() or []] == [(7,)]
    with pytest.raises(PySparkException):
        session().sql("select cast('x' as int)").collect()  # strict as before, though dbt switches that off


def test_dbt_makes_no_connection_of_its_own(engine: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in connection_env().items():
        monkeypatch.setenv(name, value)
    spark_session.close()
    with pytest.raises(EngineUnavailableError), guarded("gold"):
        Connection().cursor().execute("select 1")


def test_stopped_client_is_replaced_and_harms_nobody(engine: Home) -> None:
    spark = session()
    write_deltalake(silver("kept").location(settings().lake), pa.table({"x": [1]}))
    session().stop()
    assert session() is not spark
    assert rows_of(session(), "select x from silver.kept") == [(1,)]
    assert spark_session.current_epoch()


def test_table_that_cannot_be_read_keeps_nobody_from_the_others(engine: Home) -> None:
    broken = engine.lake / "silver" / "broken" / "_delta_log"
    broken.mkdir(parents=True)
    (broken / "00000000000000000000.json").write_text("no json at all")
    write_deltalake(silver("sound").location(settings().lake), pa.table({"x": [1]}))
    try:
        assert rows_of(session(), "select x from silver.sound") == [(1,)]
    finally:
        shutil.rmtree(broken.parent)
