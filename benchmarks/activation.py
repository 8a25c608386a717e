"""The export of a large audience: the first send of everybody, and the plan of the next one, with 1 % changed.

`python -m benchmarks.activation build|send|change|plan|peer [--people 1000000]` works in the LAKEHOUSE_HOME of its
environment; each prints JSON with its seconds, without imports. `peer` is what somebody would write by hand in DuckDB:
payloads of members who are mailable and not suppressed, one for each address, anti-joined by hash with what was
acknowledged.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import duckdb
import pyarrow.dataset  # noqa: F401 - delta-rs loads it, and pandas with it, when it reads the first table
from deltalake import write_deltalake

from lakehouse.activation.audience.selection import select
from lakehouse.activation.campaigns.declared import campaign
from lakehouse.activation.campaigns.references import campaign_references
from lakehouse.activation.consent.firewall import Firewall
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.export import export_campaign
from lakehouse.activation.planning.next_export import GATED
from lakehouse.activation.planning.plan import Plan, make_plan
from lakehouse.activation.records.destination_state import STATE_TABLES, add_missing_tables, destination_state
from lakehouse.config.settings import settings
from lakehouse.storage.discovery import delta_uri, newest_version
from lakehouse.storage.duckdb_views import limited_memory, open_snapshot
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import GOLD_BUILT, GOLD_STARTED
from lakehouse.tables import gold, ops
from lakehouse.window import BatchWindow

AS_OF = datetime(2018, 1, 2, tzinfo=UTC)
CAMPAIGN = {
    "segment": "everybody",
    "send_at": "2018-01-05 09:00 Europe/Berlin",
    "platform": "outbox",
    "holdout_share": 0.05,
    "fields": [
        "first_name",
        "language",
        {"field": "top_category_1", "rename": "favourite_category"},
        {"field": "total_spend", "rename": "spend_to_date"},
        {"bucket": {"field": "recency_days", "edges": [30, 45, 60]}, "rename": "last_visit_days_ago"},
    ],
}
SOURCE = {
    "kind": "files",
    "location": "in",
    "datasets": {
        "products": {
            "files": "*.csv",
            "format": "csv",
            "load": "increment",
            "timezone": "UTC",
            "mapping": {"product_id": "id"},
        }
    },
}
# One in a hundred is changed by `change`; a tenth is not mailable, and a hundredth has no consent on record.
_PROFILES = """
    select
        'c' || left(md5(n::varchar), 20) as customer_id,
        'person.' || n || '@mail' || (n % 500) || '.example.com' as email,
        ['Ada', 'Bea', 'Zoë', 'Luis', 'Mary-Ann', 'Tom'][n % 6 + 1] as first_name,
        ['en', 'de', 'fr', 'es'][n % 4 + 1] as language,
        'category ' || (n % 40) as top_category_1,
        cast((n * 7919 % 500000) / 100 + (n % 100 = 7)::int * {changed} as decimal(18, 2)) as total_spend,
        (n % 90)::int as recency_days,
        case when n % 100 = 3 then null else n % 10 <> 1 end as is_mailable,
        timestamptz '2018-01-02 00:00:00+00' as as_of,
        now() as _updated_at
    from range({people}) as numbers (n)
"""
_MEMBERS = (
    "select 'everybody' as segment, 'c' || left(md5(n::varchar), 20) as customer_id from range({people}) as t (n)"
)
_SUPPRESSIONS = """
    select
        'person.' || n || '@mail' || (n % 500) || '.example.com' as address,
        'unsubscribed' as reason,
        timestamptz '2018-01-01 00:00:00+00' as suppressed_at
    from range(2, {people}, 20) as t (n)
"""
_PEER = """
    with
    payloads as (
        select
            customer_id,
            lower(trim(email)) as address,
            '{{"attributes":{{"favourite_category":' || to_json(top_category_1)
            || ',"first_name":' || to_json(first_name)
            || ',"language":' || to_json(language)
            || ',"last_visit_days_ago":"' || case
                when recency_days >= 60 then '>=60' when recency_days >= 45 then '45..60'
                when recency_days >= 30 then '30..45' else '<30'
            end
            || '","spend_to_date":' || total_spend
            || '}},"customer_id":' || to_json(customer_id)
            || ',"email":' || to_json(lower(trim(email))) || '}}' as payload
        from delta_scan('{lake}/gold/dim_customers')
        where is_mailable
    ),

    allowed as (
        select min(customer_id) as customer_id, address, arg_min(payload, customer_id) as payload
        from payloads
        semi join (
            select customer_id from delta_scan('{lake}/gold/segment_members') where segment = 'everybody'
        ) using (customer_id)
        anti join (select lower(trim(address)) as address from delta_scan('{lake}/gold/suppressions')) using (address)
        anti join (
            select customer_id from delta_scan('{lake}/ops/holdouts') where family = 'thanks' and is_held_out
        ) using (customer_id)
        group by address
    ),

    hashed as (select *, sha256(payload) as payload_hash from allowed),

    acknowledged as (
        select customer_id, arg_max(payload_hash, acknowledged_at) as payload_hash
        from delta_scan('{lake}/ops/export_records')
        where acknowledged_at is not null and campaign_id = 'thanks' and platform = 'outbox'
        group by customer_id
        having arg_max(action, acknowledged_at) <> 'removed'
    )

    select count(*) from hashed anti join acknowledged using (customer_id, payload_hash)
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("step", choices=_STEPS)
    arguments.add_argument("--people", type=int, default=1_000_000)
    chosen = arguments.parse_args()
    started = time.monotonic()
    found = _STEPS[chosen.step](chosen.people)
    print(json.dumps({"seconds": round(time.monotonic() - started, 3), "found": found}))


def _build(people: int) -> int:
    folder = settings().conf
    assert folder == settings().home / "conf", "set LAKEHOUSE_CONF to $LAKEHOUSE_HOME/conf: it is written"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "campaigns.yml").write_text(json.dumps({"campaigns": {"thanks": CAMPAIGN}}), encoding="utf-8")
    (folder / "sources.yml").write_text(json.dumps({"sources": {"shop": SOURCE}}), encoding="utf-8")
    _write("dim_customers", _PROFILES.format(people=people, changed=0))
    _write("segment_members", _MEMBERS.format(people=people))
    _write("suppressions", _SUPPRESSIONS.format(people=people))
    _note_build()
    return people


def _change(people: int) -> int:
    _write("dim_customers", _PROFILES.format(people=people, changed=1))
    _note_build()
    return people // 100


def _write(table: str, query: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        write_deltalake(
            delta_uri(gold(table), settings().lake),
            connection.execute(query).to_arrow_reader(100_000),
            mode="overwrite",
        )


def _note_build() -> None:
    """What a run notes when it has built gold and its gates have passed."""
    lake, now = settings().lake, datetime.now(UTC)
    noted = {stage: {"as_of": int(AS_OF.timestamp())} for stage in (GOLD_STARTED, GOLD_BUILT)}
    noted |= {f"gate {table} rules": {str(table): newest_version(table, lake) or 0} for table in GATED}
    rows = [
        {"stage": stage, "input_table": name, "input_version": value, "run_id": "bench", "recorded_at": now}
        for stage, versions in noted.items()
        for name, value in versions.items()
    ]
    record("progress", rows, lake)


def _send(people: int) -> int:
    (outcome,) = export_campaign("thanks", BatchWindow(AS_OF, AS_OF, "bench", AS_OF))
    return outcome.loaded


def _plan(people: int) -> int:
    with planned() as plan:
        return plan.count


@contextmanager
def planned() -> Iterator[Plan]:
    """The plan of the next export, as an export makes it."""
    lake = settings().lake
    with ExitStack() as opened:
        snapshot = opened.enter_context(open_snapshot(GATED, lake, optional=(*STATE_TABLES, IDENTITIES)))
        spill = settings().home / "tmp" / "bench"
        opened.enter_context(limited_memory(snapshot.connection, settings().export_memory_gb, spill))
        firewall = opened.enter_context(Firewall(lake, beside=snapshot.connection))
        chosen = campaign("thanks", campaign_references(snapshot))
        add_missing_tables(snapshot)
        state = destination_state(snapshot, chosen.id, chosen.destination)
        yield make_plan(snapshot, chosen, select(snapshot, chosen, firewall), state)


def _peer(people: int) -> int:
    with open_snapshot([ops("exports")], settings().lake) as snapshot:  # loads the extension
        found: int = snapshot.connection.execute(_PEER.format(lake=settings().lake)).fetchall()[0][0]
        return found


_STEPS: dict[str, Callable[[int], int]] = {
    "build": _build,
    "send": _send,
    "change": _change,
    "plan": _plan,
    "peer": _peer,
}

if __name__ == "__main__":
    main()
