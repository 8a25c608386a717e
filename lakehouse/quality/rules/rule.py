"""What a gate checks: a rule is SQL aggregates over a relation, a bound, and a sentence a person can read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from lakehouse.tables import TableRef


class Severity(StrEnum):
    """BLOCKING: nothing may be built on the table. WARNING: the run goes on and says so."""

    BLOCKING = "blocking"
    WARNING = "warning"


class Unit(StrEnum):
    """What a rule's value counts."""

    ROWS = "rows"
    COLUMNS = "columns"
    SHARE = "share"
    RATIO = "ratio"
    HOURS = "hours"
    AMOUNT = "amount"


@dataclass(frozen=True)
class Shortcut:
    """A cheaper look: when the aggregate `value` over `relation` is zero, the rule holds and need not be measured."""

    relation: str
    value: str


@dataclass(frozen=True)
class Rule:
    """One expectation on a table; `meaning` says what is true of a good table.

    `failed`, `checked` (default: all rows of the table) and `value` are SQL aggregates over `relation`; all rules on
    one relation are one scan. The rule holds when `value` (default: `failed`) lies within [minimum, maximum]; a NULL
    value means that there is nothing to compare with, and holds. `detail` is an aggregate giving text that explains the
    value. The SQL may name `{table}`, any `{layer.table}` (a silver table that is not there yet reads as empty) and the
    parameters of lakehouse.quality.rules.parameters, e.g. `{as_of}`.

    Group with `sum(1)`, not `count(*)`, and do not count distinct hashes: where a column holds one value only, Sail
    0.7.2 refuses to aggregate a count again, and the distinct count of a hash returns no row at all.
    """

    id: str
    meaning: str
    failed: str
    severity: Severity = Severity.BLOCKING
    checked: str | None = None
    value: str | None = None
    minimum: float | None = None
    maximum: float | None = 0
    unit: Unit = Unit.ROWS
    relation: str = "{table}"
    detail: str | None = None
    shortcut: Shortcut | None = None

    def __post_init__(self) -> None:
        if self.minimum is None and self.maximum is None:
            raise ValueError(f"rule {self.id} has no bound: it could not fail")

    @property
    def sql(self) -> str:
        """All SQL of the rule, to look for names in."""
        quick = (self.shortcut.relation, self.shortcut.value) if self.shortcut else ()
        return "\n".join(
            part for part in (self.failed, self.checked, self.value, self.relation, self.detail, *quick) if part
        )

    @property
    def depends_on_as_of(self) -> bool:
        """Whether the passing of time alone can change the finding."""
        return "{as_of}" in self.sql

    @property
    def expected(self) -> str:
        """The bound in words."""
        if self.value is None and self.maximum == 0:
            return f"no {self.unit}"
        bounds = ((">=", self.minimum), ("<=", self.maximum))
        return f"{self.unit} {' and '.join(f'{sign} {bound:g}' for sign, bound in bounds if bound is not None)}"

    def holds(self, value: float | None) -> bool:
        """Whether a measured value lies within the bounds."""
        if value is None:
            return True
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)


@dataclass(frozen=True)
class Gate:
    """All rules of one table. `amount` names the money column that is reconciled with what was delivered, if any."""

    table: TableRef
    rules: tuple[Rule, ...]
    amount: str | None = None

    def __post_init__(self) -> None:
        ids = [rule.id for rule in self.rules]
        if repeated := sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
            raise ValueError(f"gate of {self.table}: rule ids must be unique, repeated: {', '.join(repeated)}")

    @property
    def fingerprint(self) -> str:
        """Changes when any rule changes: a table that passed other rules has to be looked at again."""
        return hashlib.sha256(repr(self.rules).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Measurement:
    """What a rule found: rows looked at, rows that broke it, the value that is held against the bounds."""

    rule: Rule
    rows_checked: int
    rows_failed: int
    value: float | None
    detail: str | None = None

    @property
    def is_passed(self) -> bool:
        """Whether the rule holds for what was measured."""
        return self.rule.holds(self.value)

    @property
    def observed(self) -> str:
        """The finding in words, without data of a person."""
        bad = (
            f"{self.rows_failed:,} of {self.rows_checked:,}"
            f" {'columns' if self.rule.unit is Unit.COLUMNS else 'rows'} bad"
        )
        if self.value is None:
            found = "nothing to compare with"
        elif self.rule.value is None:
            found = bad
        elif self.rule.unit is Unit.ROWS:
            found = f"{self.value:,.0f} rows"
        elif self.rule.unit is Unit.SHARE:
            found = f"{self.value:.4%} ({bad})"
        elif self.rule.unit is Unit.AMOUNT:
            found = f"difference of {self.value:,.2f}"
        else:
            found = f"{self.value:,.2f} {self.rule.unit}"
        return f"{found}; {self.detail}" if self.detail else found
