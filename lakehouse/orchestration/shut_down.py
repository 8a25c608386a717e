"""`lakehouse down`: end Airflow's servers, the near real time part and the engine, with regard to what is at work."""

from __future__ import annotations

from lakehouse.config.settings import settings
from lakehouse.engine import control as engine
from lakehouse.errors import TerminalError
from lakehouse.orchestration.server import control as server
from lakehouse.orchestration.server.control import ServerStatus
from lakehouse.services import near_real_time
from lakehouse.utils.processes import end_alone, wait_for
from lakehouse.utils.work_record import Work, work_in

_PATIENCE_SECONDS = 60.0  # a run that is asked to stop ends its query first
_FOR_EVER = float("inf")


class AtWorkError(TerminalError):
    """Something works in this home that would go on without servers and engine, and start the engine again."""

    def __init__(self, works: list[Work]) -> None:
        super().__init__(
            f"nothing was stopped, because {', '.join(map(str, works))} is at work in {settings().home}",
            "Run `lakehouse down --wait` to wait for the end of it, or `lakehouse down --force` to end it as well: what"
            " it has finished stays, and the next run goes on from there.",
        )


def shut_down(wait: bool = False, force: bool = False) -> ServerStatus:
    """Stop Airflow's servers, with the tasks that they run, the near real time part, and the engine.

    Args:
        wait: first wait until no command is at work in this home.
        force: end commands that are at work, too.

    Raises:
        AtWorkError: a command is at work, and neither is set; nothing was stopped.
    """
    folder = settings().work
    if wait:
        wait_for(lambda: not work_in(folder), _FOR_EVER, pause_seconds=0.5)
    elif force:
        end_alone([work.process for work in work_in(folder)], _PATIENCE_SECONDS)  # the engine it started ends below
    elif works := work_in(folder):
        raise AtWorkError(works)
    found = server.down()
    near_real_time.stop()
    engine.stop()
    return found
