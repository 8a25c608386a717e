"""The peer of the data work: one DuckDB program, from the same dumps to silver and gold in Parquet.

`python benchmarks/duckdb_peer.py <sample folder> <output folder>` prints JSON: seconds per step, and peak memory. It
types, rejects and deduplicates rows, resolves identities and computes the same profiles as the pipeline, in one process
and without the pipeline's guarantees: it cannot resume, is not incremental, and has no lineage but the file name.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb

AS_OF = "timestamp '2018-01-02 00:00:00'"
SHARING_LIMIT = 5
HALF_LIFE_DAYS = 90

# Dataset -> (files, typed select over string columns, condition for a valid row, key, order from the newest).
SILVER: dict[str, tuple[str, str, str, str, str]] = {
    "contacts": (
        "crm/contacts.jsonl",
        """id as contact_id, trim(email) as email,
        case
            when
                regexp_full_match(
                    lower(trim(email)),
                    '[a-z0-9.!#$%&*+/=?^_`{|}~-]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]{2,63}'
                )
                and lower(trim(email)) not like '%..%'
                then lower(trim(email))
        end as email_normalised,
        nullif(regexp_replace(phone, '[^0-9]', '', 'g'), '') as phone, loyalty_card as loyalty_id,
        first_name, last_name, language, country, zip as postal_code,
        age as age_band, income as income_band, household_size, kids_count,
        try_cast(created as timestamp) as created_at, try_cast(modified as timestamp) as updated_at""",
        "contact_id is not null and created_at is not null and updated_at >= created_at",
        "contact_id",
        "updated_at desc",
    ),
    "consents": (
        "crm/consents.csv",
        """contact_id, channel, purpose,
        case event
            when 'opt_in' then 'granted' when 'unsubscribe' then 'withdrawn'
            when 'hard_bounce' then 'bounced' when 'complaint' then 'complained'
            else event
        end as status, try_cast(event_time as timestamp) as changed_at, origin""",
        """contact_id is not null and channel in ('email', 'sms', 'push', 'post')
        and status in ('granted', 'withdrawn', 'bounced', 'complained') and changed_at is not null""",
        "contact_id, channel, purpose, changed_at, status",
        "origin",
    ),
    "products": ("crm/products.csv", "*", "product_id is not null", "product_id", "name"),
    "campaigns": (
        "crm/campaigns.csv",
        """campaign_id, name, type as campaign_type,
        try_cast(start as timestamp) as starts_at, try_cast("end" as timestamp) as ends_at""",
        "campaign_id is not null and ends_at >= starts_at",
        "campaign_id",
        "name",
    ),
    "campaign_members": (
        "crm/campaign_members.csv",
        "*",
        "campaign_id is not null and contact_id is not null",
        "campaign_id, contact_id",
        "1",
    ),
    "redemptions": (
        "crm/redemptions.csv",
        """redemption_id, contact_id, coupon_upc as coupon_id, campaign_id,
        try_cast(redeemed_on as timestamp) as redeemed_at""",
        "redemption_id is not null and contact_id is not null and coupon_id is not null and redeemed_at is not null",
        "redemption_id",
        "redeemed_at desc",
    ),
    "transactions": (
        "shop/transactions/*.csv",
        """basket_id as transaction_id, try_cast(line as int) as line_number, ref_type as reference_type,
        case when ref_type = 'email' then lower(trim(customer_ref)) else customer_ref end as customer_reference,
        product_id, try_cast(quantity as decimal(14, 3)) as quantity,
        try_cast(sales_value as decimal(14, 2)) as net_amount,
        try_cast(discount as decimal(14, 2)) as discount_amount, currency, store_id,
        try_cast(sold_at as timestamp) as occurred_at, try_cast(exported_at as timestamp) as updated_at,
        filename as _source_file""",
        """transaction_id is not null and line_number >= 1
        and reference_type in ('crm_id', 'email', 'loyalty_id') and customer_reference is not null
        and product_id is not null and quantity >= 0 and net_amount is not null and discount_amount >= 0
        and regexp_full_match(currency, '[A-Z]{3}') and occurred_at is not null and updated_at is not null""",
        "transaction_id, line_number",
        "updated_at desc, occurred_at desc",
    ),
}

# All identifiers of the contacts, without those that too many contacts share.
_LINKS = f"""
    create table links as
    with carried as (
        select contact_id, 'crm_id' as identifier_type, contact_id as identifier, created_at from silver_contacts
        union all
        select contact_id, 'email', email_normalised, created_at
        from silver_contacts where email_normalised is not null
        union all
        select contact_id, 'loyalty_id', loyalty_id, created_at from silver_contacts where loyalty_id is not null
        union all
        select contact_id, 'phone', phone, created_at from silver_contacts where length(phone) >= 7
    )
    select * from carried qualify count(*) over (partition by identifier_type, identifier) <= {SHARING_LIMIT}"""

_SPREAD = """
    create or replace table people as
    with shared as (
        select identifier_type, identifier, min(person) as person from links join people using (contact_id)
        group by identifier_type, identifier having count(*) > 1
    )
    select people.contact_id, least(people.person, coalesce(min(shared.person), people.person)) as person
    from people join links using (contact_id) left join shared using (identifier_type, identifier)
    group by people.contact_id, people.person"""

_IDENTITIES = """
    select identifier_type, identifier, 'c' || left(sha256(any_value(person)), 15) as customer_id
    from links join people using (contact_id) group by all
    union all
    select reference_type, customer_reference, 'c' || left(sha256(reference_type || ':' || customer_reference), 15)
    from (select distinct reference_type, customer_reference from silver_transactions)
    anti join links on identifier_type = reference_type and identifier = customer_reference"""

_ORDERS = """
    select
        transaction_id, any_value(customer_id) as customer_id, min(occurred_at) as ordered_at,
        any_value(store_id) as store_id, currency, count(*) as count_lines, sum(quantity) as quantity,
        sum(net_amount) as net_amount, sum(discount_amount) as discount_amount
    from silver_transactions
    join silver_identities on identifier_type = reference_type and identifier = customer_reference
    group by transaction_id, currency"""

_WINDOWS = ", ".join(
    f"count(*) filter (ordered_at >= {AS_OF} - interval {days} days) as count_orders_last_{days}_days, "
    f"coalesce(sum(net_amount) filter (ordered_at >= {AS_OF} - interval {days} days), 0) as spend_last_{days}_days"
    for days in (30, 90, 365)
)


def _favourite(name: str, expression: str) -> str:
    """The most frequent value in a customer's orders; of several, the smallest."""
    return f"""(select customer_id, {expression} as {name} from gold_fct_orders group by customer_id, {expression}
        qualify row_number() over (partition by customer_id order by count(*) desc, {name}) = 1)"""


_PROFILES = f"""
    with value as (
        select
            customer_id, min(ordered_at) as first_order_at, max(ordered_at) as last_order_at,
            count(*) as count_orders, sum(net_amount) as total_spend,
            round(sum(net_amount)::double / count(*), 2) as average_order_value,
            date_diff('second', max(ordered_at), {AS_OF}) // 86400 as recency_days,
            round(sum(discount_amount)::double / nullif(sum(net_amount + discount_amount), 0)::double, 4)
            as discount_share, {_WINDOWS}
        from gold_fct_orders group by customer_id
    ),
    scored as (
        select
            *, ntile(5) over (order by last_order_at, customer_id) as recency_score,
            ntile(5) over (order by count_orders, customer_id) as frequency_score,
            ntile(5) over (order by total_spend, customer_id) as monetary_score
        from value
    ),
    decayed as (
        select
            customer_id, category,
            sum(
                net_amount::double * pow(0.5, date_diff('second', occurred_at, {AS_OF}) / 86400.0 / {HALF_LIFE_DAYS})
            ) as weight
        from silver_transactions
        join silver_identities on identifier_type = reference_type and identifier = customer_reference
        join silver_products using (product_id) where category is not null group by all
    ),
    affinities as (
        select customer_id, list(struct_pack(category, share := round(share, 4)) order by place) as top_categories
        from (
            select
                customer_id, category, weight / nullif(sum(weight) over (partition by customer_id), 0) as share,
                row_number() over (partition by customer_id order by weight desc, category) as place
            from decayed)
        where place <= 3 group by customer_id
    ),
    consented as (
        select customer_id, arg_max(status, changed_at) as email_status, max(changed_at) as email_status_at
        from silver_consents join silver_identities on identifier_type = 'crm_id' and identifier = contact_id
        where channel = 'email' and purpose = 'marketing' group by customer_id
    ),
    responded as (
        select customer_id, count(*) as count_redemptions, max(redeemed_at) as last_redeemed_at
        from silver_redemptions join silver_identities on identifier_type = 'crm_id' and identifier = contact_id
        group by customer_id
    ),
    contacted as (
        select customer_id, silver_contacts.*
        from silver_contacts join silver_identities on identifier_type = 'crm_id' and identifier = contact_id
        qualify row_number() over (partition by customer_id order by updated_at desc, contact_id) = 1
    )
    select
        contacted.* exclude (phone), scored.* exclude (customer_id), stores.preferred_store_id,
        weekdays.preferred_weekday, hours.preferred_hour, affinities.top_categories,
        responded.* exclude (customer_id), email_status, email_status_at,
        coalesce(email_status = 'granted' and email_normalised is not null, false) as is_mailable
    from contacted
    left join scored using (customer_id)
    left join affinities using (customer_id)
    left join consented using (customer_id)
    left join responded using (customer_id)
    left join {_favourite("preferred_store_id", "store_id")} as stores using (customer_id)
    left join {_favourite("preferred_weekday", "isodow(ordered_at)")} as weekdays using (customer_id)
    left join {_favourite("preferred_hour", "hour(ordered_at)")} as hours using (customer_id)
    order by customer_id"""


class Peer:
    """One run: each step writes Parquet, which the next one reads, as with the tables of the pipeline."""

    def __init__(self, sample: Path, out: Path) -> None:
        self.sample, self.out = sample, out
        self.seconds: dict[str, float] = {}
        self.con = duckdb.connect(config={"preserve_insertion_order": False})

    def run(self) -> dict[str, object]:
        for dataset in SILVER:
            self._timed(f"silver {dataset}", partial(self._silver, dataset))
        self._timed("identities", self._identities)
        self._timed("orders", lambda: self._write("gold", "fct_orders", _ORDERS))
        self._timed("profiles", lambda: self._write("gold", "dim_customers", _PROFILES))
        totals = (
            "select count(*), count(count_orders), sum(total_spend), sum(count_orders)::bigint from gold_dim_customers"
        )
        customers, buyers, spend, orders = self.con.execute(totals).fetchall()[0]
        return {
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "total_seconds": round(sum(self.seconds.values()), 3),
            "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "customers": customers,
            "buyers": buyers,
            "orders": orders,
            "total_spend": str(spend),
        }

    def _silver(self, dataset: str) -> None:
        files, typed, accepted, key, newest = SILVER[dataset]
        path = str(self.sample / files)
        delimiter = ";" if dataset == "consents" else ","
        options = f"delim = '{delimiter}', quote = '\"', header = true, all_varchar = true"
        scan = (
            f"read_json('{path}', format = 'newline_delimited')"
            if path.endswith(".jsonl")
            else f"read_csv('{path}', {options}, filename = {dataset == 'transactions'})"
        )
        self.con.execute(f"create temp table typed as select {typed} from {scan}")
        self._write("silver", f"{dataset}_quarantine", f"select * from typed where ({accepted}) is not true")
        # Ranking every row costs three times as much as ranking the few with a repeated key.
        self.con.execute(
            f"create temp table repeated as select hash({key}) as hashed from typed where {accepted}"
            " group by hashed having count(*) > 1"
        )
        once = f"select * from typed where {accepted} and hash({key}) not in (from repeated)"
        newest_of_key = f"""select * from typed where {accepted} and hash({key}) in (from repeated)
            qualify row_number() over (partition by {key} order by {newest}) = 1"""
        self._write("silver", dataset, f"{once} union all ({newest_of_key})")
        self.con.execute("drop table repeated")
        self.con.execute("drop table typed")

    def _identities(self) -> None:
        """Connected components: take the smallest person of all who share an identifier, until nothing changes."""
        self.con.execute(_LINKS)
        self.con.execute(
            "create table people as"
            " select contact_id, strftime(created_at, '%Y%m%d%H%M%S') || contact_id as person from silver_contacts"
        )
        checksum = "select sum(hash(contact_id, person)::hugeint % 1000000007) from people"
        before = None
        while before != (before := self.con.execute(checksum).fetchone()):
            self.con.execute(_SPREAD)
        self._write("silver", "identities", _IDENTITIES)

    def _write(self, layer: str, table: str, query: str) -> None:
        folder = self.out / layer
        folder.mkdir(parents=True, exist_ok=True)
        self.con.execute(f"copy ({query}) to '{folder / table}.parquet' (format parquet, compression zstd)")
        self.con.execute(f"create or replace view {layer}_{table} as from read_parquet('{folder / table}.parquet')")

    def _timed(self, name: str, work: Callable[[], None]) -> None:
        started = time.monotonic()
        work()
        self.seconds[name] = time.monotonic() - started


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("sample", type=Path)
    arguments.add_argument("out", type=Path)
    chosen = arguments.parse_args()
    print(json.dumps(Peer(chosen.sample, chosen.out).run()))


if __name__ == "__main__":
    main()
