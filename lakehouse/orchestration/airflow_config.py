"""The whole configuration of Airflow, as environment variables derived from the settings of the lakehouse.

Nothing here imports Airflow: it reads its configuration when it is first imported, so this must have been applied
before.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from pathlib import Path

from lakehouse.config.settings import PROJECT_ROOT, environment_with, own_settings, secret, settings
from lakehouse.utils.atomic_files import write_private_once
from lakehouse.utils.process_tuning import SMALL_PAGES

LOGIN = "admin"
HOST = "127.0.0.1"
DATABASE = "airflow.db"
_SECRET_NAMES = ("fernet_key", "api_secret_key", "jwt_secret")


def airflow_home() -> Path:
    """Where Airflow keeps its metadata database, secrets and caches."""
    return settings().home / "airflow"


def base_url() -> str:
    """Address of Airflow's UI and API."""
    return f"http://{HOST}:{settings().airflow_port}"


def airflow_environment(database: str = DATABASE) -> dict[str, str]:
    """Environment variables that configure Airflow, dbt and the libraries under them for this home; creates secrets on
    first use.

    `database` is the SQLite file of Airflow's metadata below its home.

    They take precedence over AIRFLOW__ variables of the caller: one that is left over from another installation must
    not point a local run at that installation's metadata database.
    """
    home, logs, kept = airflow_home(), settings().logs / "airflow", _secrets()
    core = {
        "dags_folder": PROJECT_ROOT / "dags",
        "plugins_folder": PROJECT_ROOT / "lakehouse" / "orchestration" / "plugin",
        "load_examples": False,
        "executor": "LocalExecutor",
        "parallelism": max(2, os.cpu_count() or 2),
        "max_active_runs_per_dag": 1,
        "hostname_callable": "socket.gethostname",  # the default asks DNS
        "fernet_key": kept["fernet_key"],
        "simple_auth_manager_users": f"{LOGIN}:admin",
        "simple_auth_manager_passwords_file": _password_file(),
    }
    sections: dict[str, dict[str, object]] = {
        "core": core,
        "database": {"sql_alchemy_conn": f"sqlite:///{home / database}"},
        "api": {
            "host": HOST,
            "port": settings().airflow_port,
            "base_url": base_url(),
            "workers": 1,
            "secret_key": kept["api_secret_key"],
        },
        "api_auth": {"jwt_secret": kept["jwt_secret"]},
        "logging": {
            "base_log_folder": logs,
            "dag_processor_child_process_log_directory": logs / "dag_processor",
            # text, as Airflow reads them
            "file_task_handler_new_folder_permissions": "0o700",
            "file_task_handler_new_file_permissions": "0o600",
            # they log hundreds of lines about themselves
            "namespace_levels": "great_expectations=WARNING cosmos=WARNING cosmos.operators.local=ERROR",
        },
        "dag_processor": {"parsing_processes": 1, "min_file_process_interval": 60},
        # a task process is forked from one that has loaded pyspark, dbt and the rest: seconds less per task
        "scheduler": {
            "mp_start_method": "forkserver",
            "mp_forkserver_preload": "airflow.executors.local_executor,lakehouse.orchestration.preload",
        },
        "usage_data_collection": {"enabled": False},
        "cosmos": {
            "enable_telemetry": False,
            "cache_dir": home / "cosmos",
            "enable_cache_profile": False,
            "enable_memory_optimised_imports": True,
        },
        "openlineage": {"disabled": True, "namespace": "lakehouse"},
    }
    configured = {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, keys in sections.items()
        for key, value in keys.items()
    }
    return {
        **configured,
        "AIRFLOW_HOME": str(home),
        **own_settings(),
        **_NO_TELEMETRY,
        **SMALL_PAGES,
        "PYTHONUNBUFFERED": "1",
    }


_NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}


def child_environment(database: str = DATABASE) -> dict[str, str]:
    """Environment of a process that runs a part of Airflow: this process's, with `airflow_environment` on top and the
    programs of this installation first on the PATH."""
    programs = str(Path(sys.executable).parent)
    child = environment_with(**airflow_environment(database))
    return child | {"PATH": os.pathsep.join([programs, child.get("PATH", os.defpath)])}


def apply_environment(database: str = DATABASE) -> None:
    """Configure Airflow for this very process; must be called before Airflow is imported.

    Raises RuntimeError when it comes too late, because Airflow would silently work in its default home.
    """
    if "airflow" in sys.modules and secret("AIRFLOW_HOME") != str(airflow_home()):
        raise RuntimeError("Airflow was imported before its environment was applied; call apply_environment() first")
    os.environ.update(child_environment(database))
    if str(PROJECT_ROOT) not in sys.path:
        sys.path.insert(0, str(PROJECT_ROOT))


def password() -> str:
    """The generated password of the login `admin`."""
    return str(json.loads(_password_file().read_text(encoding="utf-8"))[LOGIN])


def _secrets() -> dict[str, str]:
    """Keys generated once per home; losing the file only logs everybody out and makes stored connections unreadable."""
    path = airflow_home() / "secrets.json"
    if not path.exists():
        fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        generated = {"fernet_key": fernet_key} | {name: secrets.token_urlsafe(48) for name in _SECRET_NAMES[1:]}
        write_private_once(path, json.dumps(generated))
    return {name: str(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}


def _password_file() -> Path:
    path = airflow_home() / "passwords.json"
    if not path.exists():
        write_private_once(path, json.dumps({LOGIN: secrets.token_urlsafe(12)}))
    return path
