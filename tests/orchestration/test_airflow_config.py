"""Airflow's configuration: private secrets made once, loopback, no telemetry, precedence over the caller's."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.orchestration.airflow_config import airflow_environment, airflow_home, child_environment, password


def test_secrets_are_made_once_and_readable_by_their_owner_only(home: Path) -> None:
    first, second = airflow_environment(), airflow_environment()
    assert first == second
    for name in ("secrets.json", "passwords.json"):
        assert stat.S_IMODE((airflow_home() / name).stat().st_mode) == 0o600
    kept = {
        first[name]
        for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET")
    } | {password()}
    assert len(kept) == 4
    assert min(map(len, kept)) >= 16


def test_every_home_has_a_password_of_its_own(home: Path, tmp_path: Path) -> None:
    airflow_environment()
    first = password()
    (airflow_home() / "passwords.json").unlink()
    airflow_environment()
    assert password() != first
    assert json.loads((airflow_home() / "passwords.json").read_text()).keys() == {"admin"}


def test_everything_stays_below_the_home_and_on_loopback(home: Path) -> None:
    found = airflow_environment()
    assert found["AIRFLOW_HOME"] == str(home / "airflow")
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{home / 'airflow' / 'airflow.db'}"
    assert found["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert found["AIRFLOW__CORE__DAGS_FOLDER"] == str(PROJECT_ROOT / "dags")
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert found["LAKEHOUSE_HOME"] == str(home)
    assert found["AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS"] == "0o700"
    assert found["AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS"] == "0o600"


def test_usage_data_is_sent_to_nobody(home: Path) -> None:
    found = airflow_environment()
    assert found["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert found["AIRFLOW__COSMOS__ENABLE_TELEMETRY"] == "False"
    assert found["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert found["GX_ANALYTICS_ENABLED"] == "false"


def test_a_variable_left_over_from_another_airflow_does_not_win(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://elsewhere/airflow")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    found = child_environment()
    assert "elsewhere" not in found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] + found["AIRFLOW_HOME"]
    assert str(PROJECT_ROOT) in found["PYTHONPATH"]
