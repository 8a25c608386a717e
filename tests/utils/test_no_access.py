"""Files that the operating system refuses: the message has path, owner and what to do."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.config.settings import PROJECT_ROOT, environment_with
from lakehouse.errors import NoAccessError
from lakehouse.utils.no_access import no_access, this_user


def refused(path: Path, number: int = errno.EACCES) -> OSError:
    return OSError(number, os.strerror(number), str(path))


only_root_gives_files_away = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


@only_root_gives_files_away
@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_path_owner_and_remedy_are_told(tmp_path: Path, number: int) -> None:
    file = tmp_path / "a b" / "table"
    file.parent.mkdir()
    file.touch()
    file.chmod(0o640)
    os.chown(file, 65533, -1)  # of a user without a name
    found = no_access(refused(file, number), "silver contacts")
    assert isinstance(found, NoAccessError)
    assert found.what == f"silver contacts: the user {this_user()} may not use {file}: it belongs to 65533, mode 640"
    assert f"Run as 65533, or have {file} given to {this_user()}" in found.remedy


def test_of_a_path_that_is_not_there_the_folder_is_told(tmp_path: Path) -> None:
    found = no_access(refused(tmp_path / "no" / "file"), "x")
    assert found is not None and f"the folder {tmp_path} belongs to {this_user()}" in found.what
    assert f"chmod u+rwX {tmp_path}" in found.remedy


@pytest.mark.parametrize(
    "text",
    [
        "Generic LocalFileSystem error: Unable to open file {}: Permission denied (os error 13)",
        "[Errno 13] Failed to open local file '{}'. Detail: [errno 13] Permission denied",
        'IO Error: Cannot open file "{}": Permission denied',
        "java.io.FileNotFoundException: {} (Permission denied)",
        "writing /no/such/table failed: cannot open {}: Permission denied (os error 13) at /usr/lib/x",
        "Permission denied: {}",
    ],
)
def test_libraries_and_engines_say_it_in_words(tmp_path: Path, text: str) -> None:
    found = no_access(RuntimeError(text.format(tmp_path / "part-0.parquet")), "x")
    assert found is not None and found.path == tmp_path / "part-0.parquet"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "/no/such"),
        RuntimeError("permission denied for table contacts"),
        RuntimeError("https://host/path: Permission denied"),
    ],
)
def test_other_errors_are_not_about_files(error: Exception) -> None:
    assert no_access(error, "x") is None


def _without_rights_of_root() -> None:
    """In a child: root that is refused like everybody else (without CAP_DAC_OVERRIDE and _READ_SEARCH)."""
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability)


@only_root_gives_files_away
@pytest.mark.parametrize("command", [["status"], ["sql", "select * from gold.x"], ["engine", "status"], ["doctor"]])
def test_every_command_tells_it(tmp_path: Path, command: list[str]) -> None:
    for folder in ("lake", "engine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "gold").mkdir()
        (tmp_path / folder).chmod(0o700)
        os.chown(tmp_path / folder, 65533, -1)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from lakehouse.cli import main; sys.exit(main())", *command],
        cwd=PROJECT_ROOT,
        env=environment_with(LAKEHOUSE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_without_rights_of_root,
    )
    said = done.stdout if command == ["doctor"] else done.stderr
    assert done.returncode == 1
    assert "may not use" in said and "belongs to 65533" in said and "Run as 65533" in said, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
