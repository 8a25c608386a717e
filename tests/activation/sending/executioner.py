"""Exports in a process of their own that are ended at a chosen point."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.config.settings import PROJECT_ROOT, environment_with
from tests.activation.conftest import Shop

# Imports once, then for every line `<home> <conf> <place> <call> <moment> <signal>` forks a process that exports and
# sends itself the signal before or after call number `call` of `place`; answers with the signal it died of, or 0.
EXECUTIONER = """
import os, signal, sys, traceback
from datetime import UTC, datetime
import lakehouse.activation.export as export
import lakehouse.activation.send as send
from lakehouse.activation.sending import remote
from lakehouse.activation.sending.account_caller import AccountCaller
from lakehouse.activation.sending.journal import Journal
from lakehouse.activation.sending.patience import Patience
from lakehouse.config.settings import settings
from lakehouse.window import BatchWindow

def deadly(work, call, moment, number):
    calls = 0
    def end(this, now):
        if this == int(call) and moment == now:
            os.kill(os.getpid(), number)
    def run(*arguments):
        nonlocal calls
        calls += 1
        this = calls
        end(this, "before")
        result = work(*arguments)
        end(this, "after")
        return result
    async def run_async(*arguments):
        nonlocal calls
        calls += 1
        this = calls
        end(this, "before")
        try:
            return await work(*arguments)
        finally:  # a call may fail as well
            end(this, "after")
    return run_async if work is AccountCaller._send else run

PLACES = {"call": (AccountCaller, "_send"), "note": (Journal, "add"), "intend": (send, "record_intents"),
          "acknowledge": (send, "record_batch"), "close": (export, "record")}

def victim(home, conf, place, call, moment, number):
    os.environ.update(LAKEHOUSE_HOME=home, LAKEHOUSE_CONF=conf)
    settings.cache_clear()
    remote.BATCH_SIZE = 4
    made = remote.RemoteDestination.__init__
    quick = Patience(seconds=20, call_timeout=2, failures=50, pause=0.1)
    remote.RemoteDestination.__init__ = lambda self, *given: made(self, *given, patience=quick)
    owner, name = PLACES[place]
    setattr(owner, name, deadly(getattr(owner, name), call, moment, int(number)))
    as_of = datetime(2018, 1, 2, tzinfo=UTC)
    export.export_campaign("thanks", BatchWindow(as_of, as_of, "victim", as_of))

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        try:
            victim(*line.split())
        except BaseException as error:
            print(type(error).__name__, file=sys.stderr)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    print(os.WTERMSIG(status), flush=True)
"""


class Executioner:
    """Ends exports at a chosen point."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def end(self, shop: Shop, place: str, call: int, moment: str, number: int = signal.SIGKILL) -> int:
        """The signal that the export died of; 0 when it ended by itself."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{shop.home} {shop.conf} {place} {call} {moment} {int(number)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def at_work() -> Iterator[Executioner]:
    """One that ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", EXECUTIONER],
        cwd=PROJECT_ROOT,
        env=environment_with(MAILS_KEY="pk_simulated_1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Executioner(process)
