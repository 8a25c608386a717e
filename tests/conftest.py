"""`pytest` tests both engines; `--engines sail` leaves out what needs Spark, `--engines spark` everything else."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from lakehouse import messages
from lakehouse.config.settings import settings
from tests.support.engines import SPARK, SPARK_AT_LENGTH, Engines
from tests.support.groups import in_groups
from tests.support.homes import Home
from tests.support.main_job import Ran, Undisturbed, do_data_work, run_main_job
from tests.support.own_engines import copy_jars, own_engine_in
from tests.support.prepared import Prepared, prepared_in
from tests.support.programs import Program, forked_programs

# How long examples take to be generated says something about who else is using the machine, nothing about the code.
hypothesis_settings.register_profile(
    "untimed", hypothesis_settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("untimed")

ENGINE_FIXTURES = {"engine", "own_engine"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default="sail,spark", help="engines to test on, comma separated")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that use an engine run on Sail; those marked `both_engines` on Spark too."""
    both = metafunc.definition.get_closest_marker("both_engines")
    on_spark = [] if both is None else [SPARK_AT_LENGTH if both.kwargs.get("soak") else SPARK]
    for fixture in ENGINE_FIXTURES & set(metafunc.fixturenames):
        metafunc.parametrize(fixture, ["sail", *on_spark], indirect=True, scope="module")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = str(config.getoption("--engines")).split(",")
    left_out = [item for item in items if ("spark" if item.get_closest_marker("spark") else "sail") not in chosen]
    config.hook.pytest_deselected(items=left_out)
    items[:] = in_groups([item for item in items if item not in left_out])


@pytest.fixture(autouse=True)
def own_log_records() -> Iterator[None]:
    """What a test reads of secrets, and how programs that it runs in this process clean log records, is its own."""
    make, known, patterns = logging.getLogRecordFactory(), set(messages._known), list(messages._known_pattern)
    yield
    logging.setLogRecordFactory(make)
    messages._known.intersection_update(known)
    messages._known_pattern[:] = patterns


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """What homes of tests need not make each for itself, shared by the processes of pytest-xdist."""
    folder = tmp_path_factory.getbasetemp()
    return prepared_in((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "prepared")


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[Engines]:
    """The engines that all tests share; those that break engines start their own."""
    shared = Engines(tmp_path_factory.mktemp("engines"), prepared)
    yield shared
    shared.stop()


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, engines: Engines) -> Iterator[Home]:
    """This process works in the home of a running engine with an empty lake, shared by the tests of a module."""
    with engines.work_in(request.param) as home:
        yield home


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Home:
    """A home in which programs of tests use Airflow."""
    return prepared.copy_to(Home(tmp_path_factory.mktemp("airflow")))


@pytest.fixture(scope="session")
def programs(airflow_home: Home) -> Iterator[Callable[[str], Program]]:
    """Programs of a package by name, all of them forks of one process."""
    with forked_programs(airflow_home) as program:
        yield program


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The settings of this very process point to an empty home."""
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture(scope="session")
def resolved_jars(engines: Engines) -> Path:
    """Folder of the jars that Spark needs, resolved once."""
    return engines.jars()


@pytest.fixture
def new_home(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    """An empty home for sail, or for the kind given as parameter; whatever runs in it afterwards is stopped."""
    home = Home(tmp_path, getattr(request, "param", "sail"))
    if home.engine == "spark":
        copy_jars(request.getfixturevalue("resolved_jars"), home)
    with own_engine_in(home):
        yield home


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[Ran]:
    """A home in which the main job ran once on Sail."""
    home = prepared.copy_to(Home(tmp_path_factory.mktemp("ran"), "sail"))
    try:
        yield Ran(home, run_main_job(home))
    finally:
        home.lakehouse("engine", "stop", check=False)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Undisturbed:
    """A home in which a small sample, delivered whole, was taken to gold on Sail by one run that nobody disturbed."""
    home = prepared.copy_to(Home(tmp_path_factory.mktemp("undisturbed")))
    home.lakehouse("sample", "build", "--households", "25")
    home.lakehouse("engine", "start")
    started = time.monotonic()
    do_data_work(home)
    seconds = time.monotonic() - started
    home.lakehouse("engine", "stop")
    return Undisturbed(home, seconds, prepared)
