"""Every log record of a process is cleaned, whoever writes it."""

from __future__ import annotations

import logging

import pytest

from lakehouse.errors import TerminalError
from lakehouse.utils.log_records import clean_log_records

SECRET = "pa55-of-the-log"
VALUE = "canary@mail.example"


@pytest.fixture(autouse=True)
def cleaned(caplog: pytest.LogCaptureFixture) -> None:
    clean_log_records([SECRET])
    clean_log_records([SECRET])
    caplog.set_level(logging.DEBUG)


def test_a_name_cannot_forge_a_second_line(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("lakehouse.x").error("file %s", "a\nERROR lakehouse: all is lost\x1b[2J")
    logging.getLogger("lakehouse.x").error("two\nlines")
    assert caplog.messages == [r"file a\nERROR lakehouse: all is lost\x1b[2J", "two\nlines"]


def test_what_libraries_say_of_a_request(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("urllib3.connectionpool").warning(
        "Retrying after %r: %s", OSError("gone"), f"/v1?name=Anna&email=canary%40mail.example&k={SECRET}"
    )
    assert caplog.messages == ["Retrying after OSError('gone'): /v1?name=***&email=***&k=***"]


def test_an_error_of_a_library_leaves_its_lines_of_code(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError(VALUE)
    except KeyError:
        logging.getLogger("some.library").exception("it failed")
    (record,) = caplog.records
    assert VALUE not in caplog.text and record.exc_info is None
    assert "test_log_records.py" in caplog.text and "KeyError in test_log_records.py, line" in caplog.text


def test_an_error_of_ours_is_told_without_the_one_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise TerminalError("it broke", "Mend it.") from KeyError(VALUE)
    except TerminalError:
        logging.getLogger("lakehouse.x").exception("it failed")
    assert "TerminalError: it broke. Mend it." in caplog.text and VALUE not in caplog.text


def test_dbt_tells_no_values_of_an_engine(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("stdout_log").error("Runtime Error: Cannot cast string 'Anna' to Int64")
    assert caplog.messages == ["Runtime Error: Cannot cast string '...' to Int64"]


def test_arguments_that_do_not_fit_are_left_to_logging() -> None:
    record = logging.getLogRecordFactory()("x", logging.INFO, "f.py", 1, "%d", ("a",), None)
    assert record.args == ("a",)


def test_a_copied_record_can_be_made() -> None:
    assert logging.makeLogRecord({"name": "x", "msg": "said"}).getMessage() == "said"
