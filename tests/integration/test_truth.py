"""Orders, spend and recency recomputed from the delivered files with DuckDB agree with gold, to the cent and to the
day."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.lakes import rows
from tests.support.main_job import Ran

pytestmark = pytest.mark.slow

# One row per customer, straight from the CSV files; silver.identities is only used to name the customer.
FROM_FILES = """
    with lines as (
        select distinct
            basket_id, line, ref_type, customer_ref,
            cast(sales_value as decimal(14, 2)) as amount, cast(sold_at as timestamp) as sold_at
        from read_csv('{sample}/shop/transactions/*.csv', all_varchar = true)
    )
    select
        identities.customer_id,
        count(distinct lines.basket_id) as count_orders,
        sum(lines.amount) as total_spend,
        min(lines.sold_at) as first_order_at,
        max(lines.sold_at) as last_order_at,
        date_diff('second', max(lines.sold_at), timestamp '2018-01-02 00:00:00') // 86400 as recency_days,
        count(distinct lines.basket_id)
            filter (lines.sold_at >= timestamp '2018-01-02' - interval 90 days) as count_orders_90d,
        coalesce(sum(lines.amount) filter (lines.sold_at >= timestamp '2018-01-02' - interval 90 days), 0) as spend_90d
    from lines
    join {silver.identities} as identities
        on identities.identifier_type = lines.ref_type and identities.identifier = lower(lines.customer_ref)
        or (identities.identifier_type = lines.ref_type and identities.identifier = lines.customer_ref)
    group by all
"""
COLUMNS = (
    "customer_id, count_orders, total_spend, first_order_at, last_order_at, recency_days, count_orders_90d, spend_90d"
)


def test_profiles_agree_with_the_files(ran: Ran) -> None:
    truth = FROM_FILES.replace("{sample}", str(ran.sample))
    in_gold = f"select {COLUMNS} from {{gold.dim_customers}} where count_orders > 0"
    as_text = "select customer_id, count_orders, total_spend, cast(first_order_at as timestamp) as first_order_at, "
    as_text += "cast(last_order_at as timestamp) as last_order_at, recency_days, count_orders_90d, spend_90d from ({})"
    ours, theirs = as_text.format(in_gold), as_text.format(truth)
    assert rows(ran.home.lake, f"select count(*) from ({in_gold})")[0][0] > 50
    assert rows(ran.home.lake, f"({ours}) except ({theirs})") == []
    assert rows(ran.home.lake, f"({theirs}) except ({ours})") == []


def test_not_a_cent_is_lost(ran: Ran) -> None:
    files = f"read_csv('{ran.sample}/shop/transactions/*.csv', all_varchar = true)"
    delivered = rows(ran.home.lake, f"select sum(cast(sales_value as decimal(14, 2))) from {files}")[0][0]
    assert isinstance(delivered, Decimal)
    assert rows(ran.home.lake, "select sum(net_amount) from {silver.transactions}")[0][0] == delivered
    assert rows(ran.home.lake, "select sum(total_spend) from {gold.dim_customers}")[0][0] == delivered


def test_every_contact_reaches_a_profile_and_back(ran: Ran) -> None:
    lost = rows(
        ran.home.lake,
        """
        select contacts.contact_id from {silver.contacts} as contacts
        left join {silver.identities} as identities
            on identities.identifier_type = 'crm_id' and identities.identifier = contacts.contact_id
        left join {gold.dim_customers} as customers using (customer_id)
        where customers.customer_id is null
        """,
    )
    assert lost == []


def test_nobody_without_consent_was_exported(ran: Ran) -> None:
    exported = rows(ran.home.lake, "select count(*) from {ops.export_records} where action = 'added'")[0][0]
    assert exported > 0
    wrong = rows(
        ran.home.lake,
        """
        select customer_id from {ops.export_records} as records
        join {gold.dim_customers} as customers using (customer_id)
        where action = 'added' and not is_mailable
        """,
    )
    assert wrong == []
