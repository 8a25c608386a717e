"""Contacts and consents of the sample, made up from hashes of the real household ids.

Each copy of the households (scale) is split by a fixed shuffle into couples that share an address, contacts of one
kiosk, invalid addresses, missing addresses, pairs that share a land line, and single people, which are nearly all. Some
of these have a placeholder as their phone number. More contacts share a placeholder than can be one person, also in a
small sample.
"""

from __future__ import annotations

import duckdb

from lakehouse.sample.names import FIRST_NAMES, LAST_NAMES

KIOSK_CONTACTS = 12
# In a smaller sample the kiosk would have a large share of all contacts.
KIOSK_FROM_HOUSEHOLDS = 60
LAND_LINE_PAIRS = 5

_HOUSEHOLDS = """
create table households as
with known as (
    select household_id from source_transactions
    union select household_id from source_campaigns
    union select household_id from source_coupon_redemptions
),
chosen as (select household_id from known order by md5('chosen:' || household_id), household_id limit $households),
copied as (
    select household_id, copy, case when copy = 0 then household_id else copy * 100000 + household_id end as id
    from chosen, range($scale) copies(copy)
),
placed as (
    select
        *, row_number() over (partition by copy order by md5('place:' || id), id) as place,
        greatest(1, count(*) over (partition by copy) // 100) as hundredth
    from copied
),
grouped as (
    select *, case
        when place <= 2 * hundredth then 'couple'
        when place <= 2 * hundredth + $kiosk then 'kiosk'
        when place <= 3 * hundredth + $kiosk then 'invalid'
        when place <= 6 * hundredth + $kiosk then 'missing'
        when place <= 6 * hundredth + $kiosk + 2 * $land_line_pairs then 'land_line'
        else 'single'
    end as kind
    from placed
)
select *, min(id) over (
    partition by copy, case
        when kind = 'couple' then (place - 1) // 2
        when kind = 'land_line' then (place - 1 - 6 * hundredth - $kiosk) // 2
        else id
    end, kind
) as lead_id
from grouped
"""

_NAMED = """
create table named as
select
    *, id::varchar as contact_id,
    $first_names[1 + draw('first', id, len($first_names))] as first_name,
    $last_names[1 + draw('last', case when kind = 'couple' then lead_id else id end, len($last_names))] as last_name,
    case
        when draw('country', id, 100) < 90 then 'US' when draw('country', id, 100) < 97 then 'CA' else 'MX'
    end as country,
    case when draw('card', id, 100) < 90 then 'LC' || lpad(id::varchar, 8, '0') end as loyalty_card,
    timestamp '2016-01-01' + to_seconds(draw('created', id, 350 * 86400)) as created,
    timestamp '2017-01-01' + to_seconds(draw('modified', id, 364 * 86400)) as modified
from households
"""

_ADDRESSED = """
create table contacts as
with clean as (
    select
        *, row_number() over (partition by copy, kind order by place) as place_of_kind,
        replace(strip_accents(lower(first_name || '.' || last_name)), ' ', '') as slug,
        lpad(case when kind = 'land_line' then lead_id else id end::varchar, 7, '0') as subscriber,
        '+1 555 ' || left(subscriber, 3) || ' ' || right(subscriber, 4) as own_phone
    from named
),
addressed as (
    select *, case kind
        when 'couple'
            then 'family.' || replace(strip_accents(lower(last_name)), ' ', '') || '.' || lead_id || '@example.com'
        when 'kiosk' then 'kiosk.' || copy || '@example.com'
        when 'invalid' then ['not-an-address', 'a@b', slug || '.' || id || '.example.com'][1 + place % 3]
        when 'missing' then null
        else slug || '.' || id || '@example.com'
    end as address
    from clean
)
select
    * exclude (own_phone, subscriber, slug, address, place, place_of_kind, hundredth),
    case when kind in ('single', 'land_line') then address end as own_address,
    case
        when kind = 'invalid' or draw('style', id, 100) >= 15 then address
        when draw('style', id, 100) < 5 then upper(address)
        when draw('style', id, 100) < 10
            then upper(left(address, 1)) || substr(split_part(address, '@', 1), 2) || '@Example.COM'
        else '  ' || address || ' '
    end as email,
    case
        when kind = 'land_line' and id <> lead_id then replace(own_phone, ' ', '')
        when kind = 'land_line' then own_phone
        when kind = 'single' and place_of_kind <= 8 + hundredth then '0000'
        when kind = 'single' and place_of_kind <= 16 + hundredth then '+1 000 000 0000'
        when draw('phone', id, 1000) < 70 then null
        when draw('phone', id, 1000) < 500 then replace(own_phone, ' ', '')
        else own_phone
    end as phone,
    case when country = 'MX' or (country = 'US' and draw('language', id, 100) < 8) then 'es'
         when country = 'CA' and draw('language', id, 100) < 25 then 'fr' else 'en' end as language,
    case
        when country = 'CA'
            then 'K' || draw('zip1', id, 10) || 'A ' || draw('zip2', id, 10) || 'B' || draw('zip3', id, 10)
        else lpad((501 + draw('zip', id, 99000))::varchar, 5, '0')
    end as zip
from addressed
"""

# The history of each permission of a contact: granted, then perhaps withdrawn, perhaps granted again; or bounced, or
# complained.
_CONSENTS = """
create table consents as
with opted_in as (
    select
        *, purpose || ':' || channel as scope,
        created
        + to_seconds(draw('in:' || channel || purpose, id, epoch(timestamp '2017-11-01' - created)::bigint))
        as opted_in_at
    from
        contacts,
        (values ('email', 'marketing', 80), ('sms', 'marketing', 12), ('email', 'profiling', 20))
        permissions(channel, purpose, percentage)
    where draw('consent:' || channel || purpose, id, 100) < percentage
),
fates as (
    select
        *, draw('fate:' || scope, id, 1000) as fate,
        opted_in_at
        + to_seconds(1 + draw('out:' || scope, id, epoch(timestamp '2017-12-01' - opted_in_at)::bigint))
        as ended_at
    from opted_in
),
events as (
    select
        id, channel, purpose, 'opt_in' as event, opted_in_at as event_at,
        ['web form', 'store', 'call centre'][1 + draw('origin', id, 3)] as origin
    from fates
    union all
    select id, channel, purpose, 'unsubscribe', ended_at, 'unsubscribe link' from fates where fate < 140
    union all
    select
        id, channel, purpose, 'opt_in', ended_at + to_seconds(1 + draw('again:' || scope, id, 30 * 86400)), 'web form'
    from fates where fate < 40
    union all
    select id, channel, purpose, 'hard_bounce', ended_at, 'mailbox provider'
    from fates where fate between 140 and 154 and scope = 'marketing:email'
    union all
    select id, channel, purpose, 'complaint', ended_at, 'feedback loop'
    from fates where fate between 155 and 159 and scope = 'marketing:email'
    union all
    select
        id, 'email', 'marketing', 'unsubscribe', timestamp '2017-01-01' + to_seconds(draw('never', id, 360 * 86400)),
        'call centre'
    from contacts where draw('consent:emailmarketing', id, 100) >= 97
)
select id::varchar as contact_id, * from events
"""


def create_contacts(con: duckdb.DuckDBPyConnection, scale: int, households: int | None) -> None:
    """Create the tables `contacts` (a row per household and copy) and `consents` (a row per change of a permission).

    `households` keeps that many of the real ones, chosen by hash; None keeps all.
    """
    kiosk = KIOSK_CONTACTS if households is None or households >= KIOSK_FROM_HOUSEHOLDS else 0
    con.execute(
        _HOUSEHOLDS, {"scale": scale, "households": households, "kiosk": kiosk, "land_line_pairs": LAND_LINE_PAIRS}
    )
    con.execute(_NAMED, {"first_names": list(FIRST_NAMES), "last_names": list(LAST_NAMES)})
    con.execute(_ADDRESSED)
    con.execute(_CONSENTS)


def count_people(con: duckdb.DuckDBPyConnection) -> int:
    """Number of people among the contacts: a couple, and a shared land line, make two contacts one person; a kiosk does
    not."""
    row = con.execute("select count(distinct (copy, kind, lead_id)) from contacts").fetchone()
    assert row is not None
    return int(row[0])
