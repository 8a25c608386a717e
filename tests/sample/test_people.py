"""Contacts and consents: couples, one kiosk, odd and invalid addresses, placeholders, and plausible histories."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.sample import SampleManifest
from tests.sample.files import rows

Sample = tuple[Path, SampleManifest]

pytestmark = pytest.mark.slow  # the whole package


def test_couples_share_an_address_and_one_kiosk_is_shared_by_twelve(full: Sample) -> None:
    folder, _ = full
    shared = """
        select sharing, count(*) from (
            select count(*) as sharing from {contacts}
            where trim(lower(email)) like '%@example.com' group by trim(lower(email)))
        where sharing > 1 group by sharing order by sharing"""
    assert rows(shared, folder=folder) == [(2, 24), (12, 1)]


def test_some_addresses_are_odd_unusable_or_missing(full: Sample) -> None:
    folder, _ = full
    odd, unusable, missing = rows(
        """
        select
            count(*) filter (email <> lower(trim(email))),
            count(*) filter (lower(trim(email)) not like '%_@example.com'),
            count(*) filter (email is null)
        from {contacts}
        """,
        folder=folder,
    )[0]
    assert (unusable, missing) == (24, 72)
    assert 0.12 < odd / 2469 < 0.18


def test_placeholders_are_shared_by_many_and_land_lines_by_two(full: Sample) -> None:
    folder, _ = full
    shared = """
        select phone, sharing from (
            select replace(phone, ' ', '') as phone, count(*) as sharing from {contacts}
            where phone is not null group by 1)"""
    found = rows(f"{shared} where sharing > 1 order by sharing desc, phone", folder=folder)
    assert found[:2] == [("0000", 32), ("+10000000000", 8)]
    assert [sharing for _, sharing in found[2:]] == [2] * 5


def test_cards_are_distinct_and_carried_by_nine_in_ten(full: Sample) -> None:
    folder, _ = full
    assert rows("select count(*) from {contacts} where loyalty_card <> 'LC' || lpad(id, 8, '0')", folder=folder) == [
        (0,)
    ]
    assert 0.87 < rows("select count(loyalty_card) / count(*) from {contacts}", folder=folder)[0][0] < 0.93


def test_contacts_were_created_in_2016_and_modified_in_2017(full: Sample) -> None:
    folder, _ = full
    years = "select distinct year(created::timestamp), year(modified::timestamp) from {contacts}"
    assert rows(years, folder=folder) == [(2016, 2017)]


def test_demographics_are_those_of_the_household(full: Sample) -> None:
    folder, _ = full
    columns = "age, income, household_size, kids_count"
    sample = f"select id::bigint, {columns} from {{contacts}} where coalesce({columns}) is not null"
    package = f"select household_id, {columns} from source_demographics"
    assert rows(f"({package}) except all ({sample})", folder=folder) == []
    assert rows(f"({sample}) except all ({package})", folder=folder) == []


def test_consents_have_a_history(full: Sample) -> None:
    folder, _ = full
    orphans = "select count(*) from {consents} anti join (select id as contact_id from {contacts}) using (contact_id)"
    assert rows(orphans, folder=folder) == [(0,)]
    opted_in = rows(
        """
        select count(distinct contact_id) / 2469 from {consents}
        where (channel, purpose, event) = ('email', 'marketing', 'opt_in')
        """,
        folder=folder,
    )
    assert 0.77 < opted_in[0][0] < 0.83
    events = dict(
        rows(
            "select event, count(*) from {consents} where (channel, purpose) = ('email', 'marketing') group by event",
            folder=folder,
        )
    )
    assert events["unsubscribe"] > 200
    assert 10 < events["hard_bounce"] < 60
    assert 2 < events["complaint"] < 25
    again = """
        select contact_id from {consents} where event = 'opt_in'
        group by contact_id, channel, purpose having count(*) = 2"""
    assert len(rows(again, folder=folder)) > 50
    assert rows("select distinct year(event_time::timestamp) from {consents} order by 1", folder=folder) == [
        (2016,),
        (2017,),
    ]


def test_no_permission_changes_twice_at_one_moment_or_before_the_contact_exists(full: Sample) -> None:
    folder, _ = full
    same = "select contact_id from {consents} group by contact_id, channel, purpose, event_time having count(*) > 1"
    early = """select contact_id from {consents} consents join {contacts} contacts on contacts.id = contact_id
        where event_time::timestamp < contacts.created::timestamp"""
    assert rows(same, folder=folder) == []
    assert rows(early, folder=folder) == []
