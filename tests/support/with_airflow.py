"""Runs programs of tests, each in a fork of this process, which has Airflow loaded: that takes several seconds.

Reads one JSON object a line: the `module` to run as `python -m` would, its `arguments`, and the files that take its
`output` and `errors`. Answers each with its exit code.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from typing import Any

from lakehouse.orchestration import metadata_db
from lakehouse.orchestration.airflow_config import apply_environment
from lakehouse.orchestration.patches import keep_newest_versions


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    metadata_db.prepare()
    apply_environment()
    import airflow.dag_processing.dagbag  # noqa: F401 - what every program needs
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    import dags._models  # noqa: F401

    keep_newest_versions()
    in_process_api_server().app  # noqa: B018 - made when it is asked for

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=answers, flush=True)


def _run(program: dict[str, Any]) -> None:
    """Run a program in this process, and end it."""
    for number, file in ((1, program["output"]), (2, program["errors"])):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = [program["module"], *program["arguments"]]
    code = 1
    try:
        runpy.run_module(program["module"], run_name="__main__")
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the test shows it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
