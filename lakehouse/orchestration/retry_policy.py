"""Retries while somebody is waiting: what may succeed the second time is tried again soon, and once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryAction, RetryDecision

_SOON = timedelta(seconds=2)


class RetryOnceSoon(RetryPolicy):
    """Tries again what `policy` would try again, but once and after two seconds.

    A policy is not part of a DAG's serialised form: changing it makes no new DAG version, changing `retries` would.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self.policy = policy

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Try again once, after a moment, what the wrapped policy would try again at all."""
        decision = self.policy.evaluate(exception, try_number, max_tries, context)
        if decision.action is RetryAction.FAIL:
            return decision
        return (
            RetryDecision.retry(_SOON, decision.reason)
            if try_number == 1
            else RetryDecision.fail("it failed the second time too")
        )
