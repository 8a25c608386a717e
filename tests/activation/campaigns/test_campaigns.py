"""campaigns.yml: what is valid, and how an error names file, line and what was expected."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from lakehouse.activation.campaigns.attribute_names import is_allowed_name, may_change_subscription
from lakehouse.activation.campaigns.declared import FILE, load_campaigns
from lakehouse.activation.campaigns.references import CampaignReferences
from lakehouse.activation.campaigns.time_dependent_fields import time_dependent_fields
from lakehouse.activation.segments.catalogue import segment_hash, segment_models
from lakehouse.config.settings import DBT_PROJECT, PROJECT_ROOT
from lakehouse.errors import ConfigurationError

PLAIN = """\
campaigns:
  thanks:
    segment: loyal
    send_at: 2018-01-05 09:00 Europe/Berlin
    platform: outbox
    fields:
      - first_name
      - {field: total_spend, rename: spend}
      - {bucket: {field: recency_days, edges: [30, 90]}}
"""
COLUMNS = {
    "customer_id": "string",
    "email": "string",
    "first_name": "string",
    "total_spend": "decimal(18,2)",
    "recency_days": "int",
}
REFERENCES = CampaignReferences(frozenset({"loyal"}), COLUMNS)


def _refused(tmp_path: Path, old: str, new: str) -> str:
    assert old in PLAIN
    (tmp_path / FILE).write_text(PLAIN.replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        load_campaigns(REFERENCES, tmp_path)
    return str(caught.value)


def test_plain_campaign(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(PLAIN)
    thanks = load_campaigns(REFERENCES, tmp_path)["thanks"]
    assert (thanks.id, thanks.segment, thanks.holdout_share, thanks.allow_empty_audience) == (
        "thanks",
        "loyal",
        0.0,
        False,
    )
    assert thanks.send_at == datetime(2018, 1, 5, 8, tzinfo=UTC)
    assert [(field.column, field.name) for field in thanks.fields] == [
        ("first_name", "first_name"),
        ("total_spend", "spend"),
        ("recency_days", "recency_days_band"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("segment: loyal", "segment: royal", 3, "'royal'"),
        ("    segment: loyal\n", "", 2, "'segment' is missing"),
        ("segment: loyal", "segmnt: loyal", 2, "segment"),
        ("platform: outbox", "platform: pigeon", 5, ": there is no platform 'pigeon'"),
        ("platform: outbox", "platform: []", 5, "no platform is named"),
        ("- first_name", "- first_nam", 7, "'first_nam'"),
        ("- first_name", "- email", 7, "every export"),
        ("rename: spend", "rename: subscribed", 8, "subscription"),
        ("rename: spend", "rename: first_name", 2, "exported twice"),
        ("edges: [30, 90]", "edges: [90, 30]", 9, "ascending"),
        (
            "field: recency_days",
            "field: first_name",
            9,
            "the type string, but a bucket needs a number. Expected: one of recency_days, total_spend.",
        ),
        ("rename: spend", "rename: FirstName", 2, "FirstName, first_name are exported twice"),
        ("rename: spend", "rename: E_Mail", 2, "E_Mail, email are exported twice"),
        ("rename: spend", 'rename: " "', 8, "digits and underscores only"),
        (
            "rename: spend",
            "rename: no",
            8,
            "no (which YAML reads as false). Expected: name of the attribute on the platform; 'no' in quotes",
        ),
        ("segment: loyal", "segment: off", 3, "off (which YAML reads as false)"),
        ("- first_name", "- yes", 7, "yes (which YAML reads as true)"),
        (
            "  thanks:",
            "  no:",
            2,
            "key no (which YAML reads as false) is not a string. Expected: a quoted string, 'no'",
        ),
        ("edges: [30, 90]", "edges: [30, .inf]", 9, "finite"),
        ("edges: [30, 90]", "edges: [.nan, 90]", 9, "finite"),
        ("2018-01-05 09:00 Europe/Berlin", "2018-10-28 02:30 Europe/Berlin", 4, "happens twice"),
        ("09:00 Europe/Berlin", "09:00", 4, "IANA"),
        ("09:00 Europe/Berlin", "09:00 Europe/Berln", 4, "IANA"),
        ("2018-01-05 09:00 Europe/Berlin", "2018-03-25 02:30 Europe/Berlin", 4, "clocks"),
        ("2018-01-05 09:00", "2018-01-05 09:00+02:00", 4, "offset"),
        ("platform: outbox", "platform: outbox\n    holdout_share: 1.5", 6, "holdout_share"),
        (
            "  thanks:",
            "  Thanks!:",
            2,
            "'Thanks!' is not a valid campaign id. Expected: at most 64 lower case letters, digits",
        ),
        ("  thanks:", "  2018:", 2, "key 2018 is not a string. Expected: a quoted string, '2018'"),
        (
            "  thanks:\n    segment",
            "  - segment",
            1,
            "campaigns is a list. Expected: `key: value` lines, campaign id -> campaign",
        ),
        (
            PLAIN,
            "campaigns:\n  thanks:\n",
            2,
            "campaigns.thanks is empty. Expected: `key: value` lines; known keys: segment, send_at",
        ),
        (
            "fields:\n      - first_name",
            "fields:\n      first_name:",
            6,
            "campaigns.thanks.fields is a mapping. Expected: a list, columns of gold",
        ),
    ],
)
def test_error_names_the_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    message = _refused(tmp_path, old, new)
    assert f"{FILE}:{line}:" in message and says in message, message


@pytest.mark.parametrize(
    "name",
    [
        "status",
        "Status",
        " STATUS ",
        "e-mail status",
        "subscribed ",
        "emailSubscribe",
        "Un-subscribed",
        "subscription",
        "opt_in",
        "OptedIn",
        "double opt-in",
        "optOut",
        "hasOptedOutOfEmail",
        "consent",
        "marketing_consent",
        "c\u014dnsent",
        "emailBlacklisted",
        "blocklisted",
        "is_mailable",
        "accepts_marketing",
        "s\u200btatus",
        "\uff53tatus",
    ],
)
def test_no_attribute_can_change_a_subscription(tmp_path: Path, name: str) -> None:
    assert "subscription" in _refused(tmp_path, "rename: spend", f"rename: {json.dumps(name)}")


@pytest.mark.parametrize("name", ["favourite_option", "order_status", "rfm_segment", "Sprache", "statistics", "2nd"])
def test_other_attributes_are_free(name: str) -> None:
    assert is_allowed_name(name) and not may_change_subscription(name)


@pytest.mark.parametrize(
    "name",
    [
        "$unset",
        "$set",
        "contact.state_name",
        "list[0]",
        "a b",
        "Pr\u00e9nom",
        "sp\u0435nd",
        "x\ny",
        "{{x}}",
        "a-b",
        "__",
        "",
    ],
)
def test_names_have_no_signs(tmp_path: Path, name: str) -> None:
    assert not is_allowed_name(name)
    if name:
        assert "digits and underscores only" in _refused(tmp_path, "rename: spend", f"rename: {json.dumps(name)}")


def test_shipped_campaigns_fit_the_dbt_project() -> None:
    models = [
        model
        for file in (DBT_PROJECT / "models/marts").glob("*.yml")
        for model in yaml.safe_load(file.read_text()).get("models", [])
    ]
    (customers,) = [model for model in models if model["name"] == "dim_customers"]
    references = CampaignReferences(
        frozenset(segment_models()), {column["name"]: column["data_type"] for column in customers["columns"]}
    )
    campaigns = load_campaigns(references, PROJECT_ROOT / "conf")
    assert len(campaigns) >= 3
    assert [time_dependent_fields(campaign) for campaign in campaigns.values()] == [[]] * len(campaigns)


def test_segment_hash_follows_the_model_and_the_thresholds(tmp_path: Path) -> None:
    models = tmp_path / "models/marts/segments"
    models.mkdir(parents=True)
    (models / "segment_new.sql").write_text("select 1")
    (tmp_path / "dbt_project.yml").write_text("vars: {days: 30}")
    first = segment_hash("new", tmp_path)
    (tmp_path / "dbt_project.yml").write_text("name: other\nvars: {days: 30}")
    assert segment_hash("new", tmp_path) == first
    (tmp_path / "dbt_project.yml").write_text("vars: {days: 31}")
    second = segment_hash("new", tmp_path)
    (models / "segment_new.sql").write_text("select 2")
    assert len({first, second, segment_hash("new", tmp_path)}) == 3
    assert segment_hash("gone", tmp_path) == ""


def test_numbers_are_known_by_the_types_of_dbt_and_of_duckdb() -> None:
    types = [
        "int",
        "bigint",
        "decimal(18,2)",
        "double",
        "INTEGER",
        "HUGEINT",
        "DECIMAL(18,2)",
        "string",
        "VARCHAR",
        "timestamp",
        "boolean",
        "INTERVAL",
        "date",
    ]
    assert CampaignReferences(frozenset(), {name: name for name in types}).numeric_columns == sorted(types[:7])


@pytest.mark.parametrize(
    ("platform", "field", "nulls", "expected"),
    [
        ("outbox", "first_name", "unset", "send or omit"),
        ("klaviyo", "total_spend", "send", "unset or omit"),
        ("klaviyo", "first_name", "unset", "omit"),  # an attribute of a profile itself
        ("sendgrid", "total_spend", "unset", "omit"),
        ("braze", "total_spend", "send", "unset or omit"),
    ],
)
def test_what_a_platform_cannot_do_with_an_empty_value(
    tmp_path: Path, platform: str, field: str, nulls: str, expected: str
) -> None:
    account = {"destination": platform, "secret": "${KEY}", "base_url": "https://platform.example"}
    name = "outbox" if platform == "outbox" else "mails"
    if platform != "outbox":
        (tmp_path / "destinations.yml").write_text(json.dumps({"accounts": {"mails": account}}))
    text = PLAIN.replace("platform: outbox", f"platform: {name}").replace("rename: spend", "rename: spent")
    (tmp_path / FILE).write_text(text.replace("- first_name", f"- {{field: {field}, nulls: {nulls}}}"))
    with pytest.raises(ConfigurationError) as caught:
        load_campaigns(REFERENCES, tmp_path)
    assert f"{name} cannot {nulls} the attribute {field} when it is empty" in str(caught.value)
    assert f"nulls: {expected}" in str(caught.value) and "campaigns.yml:6" in str(caught.value)


def test_null_policies_are_words_of_the_file(tmp_path: Path) -> None:
    text = _refused(tmp_path, "rename: spend", "nulls: keep")
    assert "'keep'" in text and "omit" in text
