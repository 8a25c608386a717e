"""dbt's manifest, which is the parsed dbt project: parsed once per change of the project, read once per run.

On disk it serves every process of this home: Cosmos draws tasks from it, and dbt goes on from the partial parse beside
it. In memory it serves the dbt invocations of this process, and those of processes forked from it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lakehouse.config.settings import environment_with, own_settings, settings
from lakehouse.errors import TerminalError, TransientError
from lakehouse.gold.dbt_errors import raise_if_interrupted
from lakehouse.gold.dbt_project import dbt_options, parsed_fingerprint, target_path, write_project

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_DBT = "from dbt.cli.main import cli; cli()"
_PARSE_SECONDS = 600  # three on an idle machine
_PROJECT = "project"  # beside the manifest: what it was parsed from
_KEPT_SECONDS = 24 * 3600  # since it was used last: a run goes on with the configuration that it began with


class _Cached(NamedTuple):
    """The manifest this process has read, and the run that uses it; None while no run does."""

    path: Path
    run_id: str | None
    manifest: Manifest


_cached: _Cached | None = None


def dbt_manifest(run_id: str | None = None) -> Manifest:
    """The manifest for all dbt invocations of a run, or, without `run_id`, for a single invocation.

    dbt notes the SQL it has compiled in the manifest, and the next build compiles the same models for another as-of
    moment. So each run, and each invocation outside of one, starts from a manifest without compiled SQL.

    Raises:
        TerminalError: The project does not parse.
    """
    global _cached
    path = dbt_manifest_path()
    if _cached is not None and _cached.path == path and _cached.run_id in (None, run_id):
        manifest = _cached.manifest
    else:
        manifest = _read(path)
    _cached = _Cached(path, run_id, manifest) if run_id is not None else None
    return manifest


def preload_dbt_manifest() -> None:
    """Import dbt and read the manifest, so that this process and its forks need not: seconds each.

    Nothing is connected or built. Raises TerminalError when the project does not parse.
    """
    global _cached
    path = dbt_manifest_path()
    _cached = _Cached(path, None, _read(path))


def dbt_manifest_path() -> Path:
    """The manifest file of the project as it is now, with the segments of the configuration; parsed (some seconds) only
    when one of them changed.

    Raises TerminalError with dbt's message when the project does not parse, and ConfigurationError when segments.yml is
    not valid.
    """
    given = settings()
    folder = target_path() / "parsed" / f"{given.engine}-{parsed_fingerprint()}"
    if not (folder / "manifest.json").exists():
        _parse(folder)
    os.utime(folder)
    return folder / "manifest.json"


def _read(path: Path) -> Manifest:
    """Read the project from its partial parse: a third of a second."""
    from dbt.cli.main import dbtRunner

    partial_parse = ["--partial-parse-file-path", str(path.with_name("partial_parse.msgpack"))]
    options = dbt_options(project=path.with_name(_PROJECT))
    done = dbtRunner().invoke(["--no-write-json", "parse", *options, *partial_parse])
    raise_if_interrupted(done)
    if not done.success:
        raise _does_not_parse(str(done.exception))
    manifest: Manifest = done.result
    return manifest


def _parse(folder: Path) -> None:
    """Parse next to the final folder and rename the result: when two processes do it at once, both are right."""
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    write_project(draft / _PROJECT)
    environment = environment_with(**own_settings(), DBT_SEND_ANONYMOUS_USAGE_STATS="false")
    command = [sys.executable, "-c", _DBT, "parse", *dbt_options(draft, draft / _PROJECT)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=_PARSE_SECONDS
        )
    except subprocess.TimeoutExpired:
        shutil.rmtree(draft, ignore_errors=True)
        raise TransientError(f"dbt did not parse its project within {_PARSE_SECONDS} s", "Run again.") from None
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise _does_not_parse((done.stdout + done.stderr).strip()[-1500:])
    try:
        draft.rename(folder)
    except OSError:
        if not (folder / "manifest.json").exists():
            raise
        shutil.rmtree(draft)  # another process was faster
        return
    _remove_outdated(folder)


def _remove_outdated(folder: Path) -> None:
    for other in folder.parent.glob(f"{settings().engine}-*"):
        is_draft = "." in other.name  # of a process that is still parsing
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            if other != folder and not is_draft and other.stat().st_mtime < time.time() - _KEPT_SECONDS:
                shutil.rmtree(other, ignore_errors=True)


def _does_not_parse(message: str) -> TerminalError:
    return TerminalError(
        f"the dbt project does not parse: {message}",
        f"Fix the file it names in dbt_project/; models of segments/from_configuration/ are in {settings().conf}.",
    )
