"""The clean sample has exactly the package's data, under the identifiers of a CRM."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from lakehouse.sample import SampleManifest
from tests.sample.files import rows

Sample = tuple[Path, SampleManifest]

pytestmark = pytest.mark.slow  # the whole package

HEADERS = {
    "crm/consents.csv": "contact_id;channel;purpose;event;event_time;origin",
    "crm/products.csv": "product_id,name,department,category,brand,manufacturer_id,package_size",
    "crm/campaigns.csv": "campaign_id,name,type,start,end",
    "crm/campaign_members.csv": "campaign_id,contact_id",
    "crm/redemptions.csv": "redemption_id,contact_id,coupon_upc,campaign_id,redeemed_on",
    "shop/transactions/2017-01-01.csv": (
        "basket_id,line,ref_type,customer_ref,product_id,quantity,sales_value,discount,currency,store_id,sold_at,exported_at"
    ),
}


def test_manifest_counts_what_the_package_holds(full: Sample) -> None:
    _, manifest = full
    assert manifest.rows | {"consents": 0} == {
        "contacts": 2469, "consents": 0, "products": 92331, "campaigns": 27, "campaign_members": 6589,
        "redemptions": 2102, "transactions": 1469307,
    }  # fmt: skip
    assert manifest.net_amount == Decimal("4596039.58")
    assert manifest.count_baskets == 155848
    assert manifest.count_people == 2469 - 24 - 5
    assert manifest.as_of == datetime(2018, 1, 2, tzinfo=UTC)
    assert len(manifest.files) == 6 + 365


def test_manifest_counts_what_the_files_hold(full: Sample) -> None:
    folder, manifest = full
    for dataset, expected in manifest.rows.items():
        assert rows(f"select count(*) from {{{dataset}}}", folder=folder) == [(expected,)]
    sums = "count(distinct basket_id), sum(sales_value::decimal(14,2)), sum(discount::decimal(14,2))"
    totals = rows(f"select {sums} from {{transactions}}", folder=folder)
    assert totals == [(manifest.count_baskets, manifest.net_amount, manifest.discount_amount)]


def test_columns_are_those_of_the_native_dumps(full: Sample) -> None:
    folder, _ = full
    for file, header in HEADERS.items():
        assert (folder / file).read_text(encoding="utf-8").split("\n", 1)[0] == header
    first = (folder / "crm/contacts.jsonl").read_text(encoding="utf-8").split("\n", 1)[0]
    assert " ".join(json.loads(first)) == (
        "id email phone loyalty_card first_name last_name language country zip age income household_size kids_count"
        " created modified"
    )


def test_every_line_of_the_package_is_in_the_file_of_its_day(full: Sample) -> None:
    folder, _ = full
    source = """
        select
            basket_id, product_id, quantity, store_id, transaction_timestamp as sold_at,
            round(sales_value, 2)::decimal(14,2) as amount,
            round(retail_disc + coupon_disc + coupon_match_disc, 2)::decimal(14,2) as discount,
            strftime(transaction_timestamp, '%Y-%m-%d') as day
        from source_transactions"""
    delivered = """
        select
            basket_id::bigint, product_id::bigint, quantity::bigint, store_id::bigint, sold_at::timestamp,
            sales_value::decimal(14,2), discount::decimal(14,2), parse_filename(delivered_as, true)
        from {transactions}"""
    # As many lines are delivered as there are (see above): one direction is enough.
    assert rows(f"({source}) except all ({delivered})", folder=folder) == []


def test_lines_are_numbered_by_product_and_exported_at_three_next_morning(full: Sample) -> None:
    folder, _ = full
    wrong = """
        select *
        from (
            select *, row_number() over (partition by basket_id order by product_id::bigint) as expected
            from {transactions}
        )
        where
            line::bigint <> expected
            or exported_at::timestamp <> sold_at::date + 1 + interval 3 hours
            or currency <> 'USD'"""
    assert rows(wrong + " limit 5", folder=folder) == []


def test_a_receipt_has_one_reference_and_it_leads_to_its_household(full: Sample) -> None:
    folder, _ = full
    several = """
        select basket_id from {transactions}
        group by basket_id having count(distinct (ref_type, customer_ref)) > 1"""
    assert rows(several, folder=folder) == []
    lost = """
        with
        valid as (
            select id, lower(trim(email)) as email from {contacts} where lower(trim(email)) like '%_@example.com'
        ),
        own as (select min(id) as id, email from valid group by email having count(*) = 1),
        known as (
            select 'crm_id' as ref_type, id as customer_ref, id from {contacts}
            union all select 'loyalty_id', loyalty_card, id from {contacts} where loyalty_card is not null
            union all select 'email', email, id from own
        )
        select *
        from (select distinct basket_id, ref_type, customer_ref from {transactions}) baskets
        left join known using (ref_type, customer_ref)
        left join (
            select distinct basket_id::varchar as basket_id, household_id::varchar as household_id
            from source_transactions
        ) using (basket_id)
        where id is distinct from household_id limit 5"""
    assert rows(lost, folder=folder) == []
    shares = dict(
        rows("select ref_type, count(distinct basket_id) / 155848 from {transactions} group by ref_type", folder=folder)
    )
    assert 0.55 < shares["loyalty_id"] < 0.70
    assert 0.03 < shares["email"] < 0.06


def test_members_redemptions_and_campaigns_are_those_of_the_package(full: Sample) -> None:
    folder, _ = full
    members = "select campaign_id::bigint, contact_id::bigint from {campaign_members}"
    assert rows(f"({members}) except all (from source_campaigns)", folder=folder) == []
    redeemed = (
        "select contact_id::bigint, coupon_upc::bigint, campaign_id::bigint, redeemed_on::timestamp from {redemptions}"
    )
    assert rows(f"({redeemed}) except all (from source_coupon_redemptions)", folder=folder) == []
    assert rows("select count(distinct redemption_id) from {redemptions}", folder=folder) == [(2102,)]
    campaigns = 'select campaign_id::bigint, type, start::timestamp, "end"::timestamp from {campaigns}'
    assert rows(f"({campaigns}) except all (from source_campaign_descriptions)", folder=folder) == []


def test_the_data_sells_17_products_that_it_does_not_describe(full: Sample) -> None:
    folder, _ = full
    unknown = "select count(distinct product_id), count(*) from {transactions} anti join {products} using (product_id)"
    assert rows(unknown, folder=folder) == [(17, 4836)]
