"""The Java that the engine spark and Kafka's broker run on: found, and of a version that they were proven on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from lakehouse.config.settings import Settings
from lakehouse.errors import ConfigurationError

_VERSION = re.compile(r'version "(\d+)')
SUPPORTED = (17, 21)
_HOW = (
    "Java 17 on the PATH or in JAVA_HOME (`apt-get install openjdk-17-jre-headless`, `brew install openjdk@17`, or https://adoptium.net);"
    " the engine sail (ENGINE=sail) needs no Java"
)
_SPARK = "the engine spark"


def java_binary(chosen: Settings, needed_by: str = _SPARK) -> Path:
    """Path of a usable `java`: below LAKEHOUSE_JAVA_HOME or JAVA_HOME when that is set, else from the PATH.

    `needed_by` is named when there is none.

    Raises ConfigurationError when there is none or its major version is not supported.
    """
    variable = chosen.java_variable
    if chosen.java_home:
        binary = Path(chosen.java_home) / "bin" / "java"
        if not binary.is_file():
            raise ConfigurationError(
                variable,
                None,
                f"{binary} does not exist",
                f"the folder of a Java 17 installation, or no {variable} at all",
            )
    else:
        found = shutil.which("java")
        if found is None:
            raise ConfigurationError(variable, None, f"{needed_by} needs Java 17, and no `java` is on the PATH", _HOW)
        binary = Path(found).resolve()
    version = java_version(binary)
    if version not in SUPPORTED:
        expected = f"Java {' or '.join(map(str, SUPPORTED))} for {needed_by} (the engine sail needs none)"
        raise ConfigurationError(variable, None, f"{binary} is Java {version or 'of unknown version'}", expected)
    return binary


def java_version(binary: Path) -> int:
    """Major version that `java -version` reports; 0 when it says something else."""
    answer = subprocess.run([str(binary), "-version"], capture_output=True, text=True, timeout=30, check=False)
    found = _VERSION.search(answer.stderr + answer.stdout)
    return int(found.group(1)) if found else 0
