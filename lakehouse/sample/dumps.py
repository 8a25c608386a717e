"""Write the tables of the sample as a CRM and a shop would export them: fixed columns, fixed order, file by file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

# The bytes of a file depend only on its query, so every query has a total order.
_CRM_DUMPS = {
    "crm/contacts.jsonl": """
        select
            contact_id as id, email, phone, loyalty_card, first_name, last_name, language, country, zip,
            age, income, household_size, kids_count,
            strftime(created, '%Y-%m-%dT%H:%M:%SZ') as created, strftime(modified, '%Y-%m-%dT%H:%M:%SZ') as modified
        from contacts left join source_demographics using (household_id) order by contacts.id""",
    "crm/consents.csv": """
        select contact_id, channel, purpose, event, strftime(event_at, '%Y-%m-%d %H:%M:%S') as event_time, origin
        from consents order by id, event_at, channel, purpose, event""",
    "crm/products.csv": """
        select
            product_id, coalesce(product_type, product_category, department) as name, department,
            product_category as category, brand, manufacturer_id, package_size
        from source_products order by product_id""",
    "crm/campaigns.csv": """
        select
            campaign_id, campaign_type || ', ' || strftime(start_date, '%Y-%m') || ', no. ' || campaign_id as name,
            campaign_type as type, strftime(start_date, '%Y-%m-%d %H:%M:%S') as start,
            strftime(end_date, '%Y-%m-%d %H:%M:%S') as end
        from source_campaign_descriptions order by campaign_id""",
    "crm/campaign_members.csv": """
        select campaign_id, contact_id
        from source_campaigns join contacts using (household_id) order by campaign_id, contacts.id""",
    "crm/redemptions.csv": """
        select
            'R-' || contact_id || '-' || coupon_upc || '-' || campaign_id || '-' || strftime(redemption_date, '%Y%m%d')
            as redemption_id,
            contact_id, coupon_upc, campaign_id, strftime(redemption_date, '%Y-%m-%d') as redeemed_on
        from source_coupon_redemptions join contacts using (household_id)
        order by redemption_date, contacts.id, coupon_upc, campaign_id""",
}

CRM_FILES = {path: Path(path).stem for path in _CRM_DUMPS}

# The source has a few values like 3.8600000000000003, which are meant to be cents.
_LINES = """
create table lines as
select
    transaction_timestamp::date as sold_on, basket_id as source_basket_id,
    row_number() over (partition by basket_id order by product_id) as line, product_id, quantity,
    sales_value::decimal(14, 2) as sales_value,
    (retail_disc::decimal(14, 2) + coupon_disc::decimal(14, 2) + coupon_match_disc::decimal(14, 2))::decimal(14, 2)
    as discount
from source_transactions semi join contacts using (household_id) order by sold_on, source_basket_id, line
"""

# A receipt has one reference to its customer: the loyalty card, the CRM id, or now and then the e-mail address.
_BASKETS = """
create table baskets as
with source_baskets as (
    select
        basket_id as source_basket_id, any_value(household_id) as household_id, any_value(store_id) as store_id,
        any_value(transaction_timestamp) as sold_at
    from source_transactions group by basket_id
),
copied as (
    select *, case when copy = 0 then source_basket_id else copy * 100000000000 + source_basket_id end as basket_id
    from source_baskets join contacts using (household_id)
),
drawn as (select *, draw('reference', basket_id, 100) as reference from copied)
select
    sold_at::date as sold_on, source_basket_id, basket_id, store_id, sold_at,
    case
        when reference < 70 and loyalty_card is not null then 'loyalty_id'
        when reference >= 95 and own_address is not null then 'email'
        else 'crm_id'
    end as ref_type,
    case ref_type when 'loyalty_id' then loyalty_card when 'email' then own_address else contact_id end as customer_ref
from drawn order by sold_on, basket_id
"""

_DAY = """
select
    basket_id, line, ref_type, customer_ref, product_id, quantity, sales_value, discount, 'USD' as currency, store_id,
    strftime(sold_at, '%Y-%m-%d %H:%M:%S') as sold_at, strftime(sold_on + 1, '%Y-%m-%d 03:00:00') as exported_at
from (select * from baskets where sold_on = {day}) day_baskets
join (select * exclude (sold_on) from lines where sold_on = {day}) day_lines using (source_basket_id)
order by day_baskets.sold_at, basket_id, line
"""

# Path below the sample -> (dataset, number of rows, None for a file that cannot be read as declared).
Files = dict[str, tuple[str, int | None]]


def write_crm(con: duckdb.DuckDBPyConnection, folder: Path) -> Files:
    """Write the dumps of the CRM, and return them."""
    written: Files = {}
    (folder / "crm").mkdir(parents=True)
    for path, query in _CRM_DUMPS.items():
        options = (
            "format json"
            if path.endswith(".jsonl")
            else f"format csv, header, delimiter '{';' if path == 'crm/consents.csv' else ','}'"
        )
        written[path] = (CRM_FILES[path], _copy(con, query, folder / path, options))
    return written


def create_receipts(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables `lines` (of one copy, sorted by day) and `baskets` (of all copies), which the shop exports
    joined."""
    con.execute(_LINES)
    con.execute(_BASKETS)


def unknown_products(con: duckdb.DuckDBPyConnection, scale: int) -> dict[str, int]:
    """Number of lines in the sample by product, of products that the real data sells but does not describe."""
    rows = con.execute("""
        select product_id::varchar, count(*) from lines anti join source_products using (product_id)
        group by product_id order by product_id
    """)
    return {product: count * scale for product, count in rows.fetchall()}


def write_shop(con: duckdb.DuckDBPyConnection, folder: Path, progress: Callable[[str], None]) -> Files:
    """Write one file per day of sale, and return them; only one day is held in memory."""
    written: Files = {}
    (folder / "shop" / "transactions").mkdir(parents=True)
    days = [row[0] for row in con.execute("select distinct sold_on from lines order by 1").fetchall()]
    for number, day in enumerate(days, start=1):
        path = f"shop/transactions/{day:%Y-%m-%d}.csv"
        written[path] = (
            "transactions",
            _copy(con, _DAY.format(day=f"date '{day:%Y-%m-%d}'"), folder / path, "format csv, header"),
        )
        if number % 90 == 0 or number == len(days):
            progress(f"transactions: {number} of {len(days)} days written")
    return written


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> int:
    row = con.execute(f"copy ({query}) to '{str(path).replace(chr(39), chr(39) * 2)}' ({options})").fetchone()
    assert row is not None
    return int(row[0])
