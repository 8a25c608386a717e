"""Why dbt failed: because of the engine, which may be tried again, or of the disk, the data or the project, which a
person has to fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.config.settings import settings
from lakehouse.errors import TerminalError
from lakehouse.gold.dbt_project import target_path
from lakehouse.messages import without_values

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

_FAILED = ("error", "fail", "runtime error")
_SHOWN = 600  # characters of dbt's message; what follows is compiled SQL, which is on disk


class GoldBuildFailed(TerminalError):  # noqa: N818 - the name users see in Airflow
    """dbt models or tests failed for a reason that lies in the data or the project; tables already built stay."""

    def __init__(self, failures: list[tuple[str, str]]) -> None:
        self.failures = failures
        listed = "; ".join(f"{model}: {message}" for model, message in failures)
        super().__init__(
            f"gold: {listed}", f"Compiled SQL is in {target_path()}/compiled, dbt's log in {settings().logs / 'dbt'}."
        )


def raise_if_failed(done: dbtRunnerResult, task_id: str) -> None:
    """Raise when a dbt invocation failed: the error of the engine, the disk or a damaged table that caused it, else
    GoldBuildFailed.

    Each names the model.

    `task_id` stands for the model when dbt did not get as far as running one. Airflow's retry policy goes by the class
    of the error.
    """
    if done.success:
        return
    raise_if_interrupted(done)
    from lakehouse.spark.error_translation import current_work, translate
    from lakehouse.spark.session import last_epoch
    from lakehouse.storage.damage import refuse_damaged

    results = getattr(done.result, "results", None) or []
    failed = [(result.node.name, _in_one_line(result.message)) for result in results if result.status in _FAILED]
    failed = failed or [(task_id, _in_one_line(str(done.exception)))]
    token = current_work.set(", ".join(name for name, _ in failed))
    try:
        cause = translate(
            done.exception or RuntimeError("; ".join(message for _, message in failed)), settings(), last_epoch()
        )
    finally:
        current_work.reset(token)
    if cause is None:
        refuse_damaged(settings().lake)
    raise cause or GoldBuildFailed([(name, message[:_SHOWN]) for name, message in failed])


def raise_if_interrupted(done: dbtRunnerResult) -> None:
    """Raise the KeyboardInterrupt that dbt has caught as it catches any error."""
    if isinstance(done.exception, KeyboardInterrupt):
        raise done.exception


def _in_one_line(message: str | None) -> str:
    """dbt's message without the values that an engine quotes in it."""
    return " ".join(without_values(message or "no message").split())
