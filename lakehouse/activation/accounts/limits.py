"""The limits that hold for an account: its platform's, tightened by those it declares."""

from __future__ import annotations

from dataclasses import replace

from lakehouse.activation.accounts.declared import Account
from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.rates import Rate


def limits_of(account: Account) -> Capabilities:
    """The platform's limits, tightened by those that the account declares."""
    own, limits = account.limits, account.kind.capabilities
    if own.calls_per_second is not None:
        fewer = (_as_rate(own.calls_per_second),)
        limits = replace(limits, rates={kind: (*rates, *fewer) for kind, rates in limits.rates.items()})
    if own.rows_per_call is not None:
        limits = replace(limits, rows_per_call=min(own.rows_per_call, limits.rows_per_call))
    if own.connections is not None:
        limits = replace(limits, connections=min(own.connections, limits.connections))
    return limits


def _as_rate(calls_per_second: float) -> Rate:
    """Whole calls: 0.5 calls a second are 1 in 2 seconds."""
    if calls_per_second >= 1:
        return Rate(int(calls_per_second), int(calls_per_second) / calls_per_second)
    return Rate(1, 1 / calls_per_second)
