"""Defects of the CRM's dumps: full snapshots in one file each, so that every defect is a record appended to it."""

from __future__ import annotations

from lakehouse.sample.spoiling import Record, SpoiledDumps, describe_changes

# dataset, kind, key columns, changes to a template record, rules broken
_Plan = tuple[str, str, Record, tuple[str, ...]]

_FILES = {
    "contacts": "crm/contacts.jsonl",
    "consents": "crm/consents.csv",
    "products": "crm/products.csv",
    "campaigns": "crm/campaigns.csv",
    "campaign_members": "crm/campaign_members.csv",
    "redemptions": "crm/redemptions.csv",
}

_KEYS: dict[str, tuple[str, ...]] = {
    "contacts": ("id",),
    "consents": ("contact_id", "channel", "purpose", "event", "event_time"),
    "products": ("product_id",),
    "campaigns": ("campaign_id",),
    "campaign_members": ("campaign_id", "contact_id"),
    "redemptions": ("redemption_id",),
}

# A bad row has its own key, so that it never hides or replaces a good one.
_BAD_ROWS: tuple[_Plan, ...] = (
    ("contacts", "missing_required", {"id": None}, ("contacts.contact_id.required",)),
    ("contacts", "missing_required", {"id": "D1", "modified": None}, ("contacts.updated_at.required",)),
    ("contacts", "bad_date", {"id": "D2", "created": "2017-02-30T08:00:00Z"}, ("contacts.created_at.type",)),
    ("contacts", "bad_date", {"id": "D3", "modified": "last week"}, ("contacts.updated_at.type",)),
    ("contacts", "bad_code", {"id": "D4", "language": "english"}, ("contacts.language.pattern",)),
    ("contacts", "bad_code", {"id": "D5", "country": "us"}, ("contacts.country.pattern",)),
    (
        "contacts",
        "times_in_wrong_order",
        {"id": "D6", "created": "2017-05-02T08:00:00Z", "modified": "2017-05-01T08:00:00Z"},
        ("contacts.updated_before_created",),
    ),
    (
        "consents",
        "unknown_event",
        {"event": "maybe", "event_time": "2017-03-01 10:00:00"},
        ("consents.status.allowed",),
    ),
    (
        "consents",
        "unknown_event",
        {"event": "OPT-IN!", "event_time": "2017-03-02 10:00:00"},
        ("consents.status.allowed",),
    ),
    (
        "consents",
        "unknown_channel",
        {"channel": "fax", "event_time": "2017-03-03 10:00:00"},
        ("consents.channel.allowed",),
    ),
    ("consents", "bad_date", {"event_time": "2017-02-30 10:00:00"}, ("consents.changed_at.type",)),
    (
        "consents",
        "missing_required",
        {"contact_id": None, "event_time": "2017-03-04 10:00:00"},
        ("consents.customer_reference.required",),
    ),
    ("consents", "missing_required", {"event_time": None}, ("consents.changed_at.required",)),
    ("products", "missing_required", {"product_id": None}, ("products.product_id.required",)),
    ("campaigns", "missing_required", {"campaign_id": "901", "start": None}, ("campaigns.starts_at.required",)),
    ("campaigns", "bad_date", {"campaign_id": "902", "end": "2017-02-30 00:00:00"}, ("campaigns.ends_at.type",)),
    (
        "campaigns",
        "times_in_wrong_order",
        {"campaign_id": "903", "start": "2017-06-02 00:00:00", "end": "2017-06-01 00:00:00"},
        ("campaigns.ends_before_start",),
    ),
    ("campaign_members", "missing_required", {"contact_id": None}, ("campaign_members.customer_reference.required",)),
    (
        "redemptions",
        "missing_required",
        {"redemption_id": "D-1", "coupon_upc": None},
        ("redemptions.coupon_id.required",),
    ),
    (
        "redemptions",
        "bad_date",
        {"redemption_id": "D-2", "redeemed_on": "2017-02-30"},
        ("redemptions.redeemed_at.type",),
    ),
)

# dataset -> numbers of the rows of the clean file that are repeated
_REPEATED = {
    "contacts": (3, 11),
    "consents": (5, 6, 7),
    "products": (100,),
    "campaign_members": (1, 2),
    "redemptions": (9,),
}


def plant_crm_defects(dumps: SpoiledDumps) -> None:
    """Append bad rows, repeated rows and an outdated contact to the CRM's files."""
    for dataset, kind, changes, rules in _BAD_ROWS:
        record = dumps.dump(_FILES[dataset]).record(1) | changes
        dumps.plant(kind, dataset, _FILES[dataset], record, _KEYS[dataset], rules, describe_changes(changes))
    for dataset, row_numbers in _REPEATED.items():
        for row_number in row_numbers:
            file = _FILES[dataset]
            dumps.repeat(
                "exact_duplicate",
                dataset,
                file,
                file,
                row_number,
                _KEYS[dataset],
                f"row {row_number} of the same file once more",
            )
    contact = dumps.dump(_FILES["contacts"]).record(20)
    dumps.plant(
        "outdated_version",
        "contacts",
        _FILES["contacts"],
        contact | {"first_name": "Outdated", "modified": contact["created"]},
        _KEYS["contacts"],
        ("duplicate",),
        "the contact as it was when it was created; row 20 is newer",
    )
