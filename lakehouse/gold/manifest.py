"""The dbt project as files: what it is made of now, and what dbt makes of them when it parses them."""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import sys
from pathlib import Path

from lakehouse.config.settings import PROJECT_ROOT, environment_with, own_settings, settings
from lakehouse.errors import TerminalError
from lakehouse.utils.atomic_files import temporary_sibling

log = logging.getLogger(__name__)
PROJECT = PROJECT_ROOT / "dbt_project"
_DBT = "from dbt.cli.main import cli; cli()"
_WRITTEN_BY_DBT = {"target", "logs", "dbt_packages", ".user.yml"}


def project_fingerprint() -> str:
    """Hash over names and contents of the project's files: changes exactly when a model, test, macro or setting
    does."""
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def target_path() -> Path:
    """Where dbt keeps what it compiles and writes in this home."""
    return settings().home / "dbt"


def manifest_path() -> Path:
    """The manifest of the project as it is now, parsed (some seconds) only when the project or the engine's address
    changed.

    Raises TerminalError with dbt's own words when the project does not parse.
    """
    given = settings()
    # dbt parses anew when its profile says something else; that of Spark names an address.
    parsed_for = (
        f"{given.engine_host}:{given.thrift_port} " if given.engine == "spark" else ""
    ) + project_fingerprint()
    folder = target_path() / "parsed" / f"{given.engine}-{hashlib.sha256(parsed_for.encode()).hexdigest()[:16]}"
    manifest = folder / "manifest.json"
    if not manifest.exists():
        _parse(folder)
    return manifest


def parsed_already() -> tuple[str, ...]:
    """Options of dbt that let an invocation go on from the parsed project: a tenth of a second instead of some."""
    return ("--partial-parse-file-path", str(manifest_path().with_name("partial_parse.msgpack")))


def _files() -> list[Path]:
    return [
        path
        for path in PROJECT.rglob("*")
        if path.is_file() and not _WRITTEN_BY_DBT & set(path.relative_to(PROJECT).parts)
    ]


def _parse(folder: Path) -> None:
    """Parse beside the final folder and move the result there whole: two processes may do it at once and both are
    right."""
    draft = temporary_sibling(folder)
    options = [
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--target",
        settings().engine,
        "--target-path",
        str(draft),
    ]
    command = [sys.executable, "-c", _DBT, "--quiet", "parse", *options, "--log-path", str(settings().logs / "dbt")]
    environment = environment_with(**own_settings(), DBT_SEND_ANONYMOUS_USAGE_STATS="false")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise TerminalError(
            f"the dbt project does not parse: {(done.stdout + done.stderr).strip()[-1500:]}",
            "Mend the file it names in dbt_project/.",
        )
    try:
        draft.rename(folder)
    except OSError:
        if not (folder / "manifest.json").exists():
            raise
        shutil.rmtree(draft)  # another process was faster
        return
    for outdated in folder.parent.glob(f"{settings().engine}-*"):
        if outdated != folder:
            shutil.rmtree(outdated, ignore_errors=True)
