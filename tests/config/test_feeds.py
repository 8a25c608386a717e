"""sources.yml: the sample's declaration, what a feed says, and mistakes answered with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.config.column_mapping import ColumnMapping, landed_name
from lakehouse.config.feeds import feeds, read_feeds
from lakehouse.config.settings import PROJECT_ROOT
from lakehouse.contracts import DATASETS, STREAMS
from lakehouse.diagnostics.config_check import check_sources
from lakehouse.errors import ConfigurationError, ContractError
from lakehouse.tables import TableRef
from tests.sources.conftest import Home

SAMPLE = PROJECT_ROOT / "conf" / "sources.yml"


def test_the_sample_feeds_every_dataset() -> None:
    sample = read_feeds(SAMPLE)
    assert {feed.dataset for feed in sample} == set(DATASETS) - set(STREAMS)
    assert {str(feed.bronze) for feed in sample if feed.dataset in ("contacts", "transactions")} == {
        "bronze.crm_contacts",
        "bronze.shop_transactions",
    }
    assert {feed.dataset for feed in sample if feed.load == "full"} == {"contacts", "products"}


def test_a_feed_of_the_sample(home: Home) -> None:
    home.declare(SAMPLE.read_text())
    (consents,) = feeds("consents")
    assert (consents.source, consents.kind, consents.load, consents.timezone) == ("crm", "files", "increment", "UTC")
    assert consents.bronze == TableRef.parse("bronze.crm_consents")
    assert consents.mapping["reference_type"] == "'crm_id'"
    assert consents.mapping["customer_reference"] == "`contact_id`"
    assert consents.mapping["status"].startswith("(case event when 'opt_in' then 'granted'")
    assert consents.mapped_columns == ("contact_id", "channel", "purpose", "event", "event_time", "origin")
    assert "origin" not in consents.required_columns
    assert consents.landing == home.path / "landing" / "crm" / "consents"


def test_an_unknown_dataset_is_answered_with_the_known_ones(home: Home) -> None:
    home.declare(SAMPLE.read_text())
    with pytest.raises(ContractError, match=r"unknown dataset.*contacts, consents"):
        feeds("contactz")


def test_a_changed_file_is_read_again(home: Home) -> None:
    home.declare(SAMPLE.read_text())
    assert len(feeds()) == 7
    home.declare(SAMPLE.read_text().replace("    timezone: UTC", "    timezone: Europe/Berlin"))
    assert len(feeds()) == 7


@pytest.mark.parametrize("text", ["sources: {}\n", "{}\n", "", "sources:\n"])
def test_a_file_that_declares_nothing_is_an_error(home: Home, text: str) -> None:
    home.declare(text)
    with pytest.raises(ConfigurationError, match="sources"):
        feeds()


@pytest.mark.parametrize(
    ("right", "wrong", "problem", "expected"),
    [
        ("loyalty_id:", "loyality_id:", "contacts has no column 'loyality_id'", "did you mean 'loyalty_id'?"),
        ("          contact_id: id\n", "", "nothing is mapped to contact_id", "every required column"),
        ("      contacts:", "      contactz:", "unknown dataset 'contactz'", "contacts, consents, products"),
        ("timezone: UTC", "timezone: UTX", "unknown time zone 'UTX'", "Europe/Berlin"),
        ("load: full", "load: ful", "load is 'ful'", "did you mean 'full'?"),
        ("{constant: crm_id}", "{const: crm_id}", "unknown key 'const'", "did you mean 'constant'?"),
        ("{constant: crm_id}", "{constant: crm_id, column: x}", "the mapping is ambiguous", "exactly one of"),
        ("{constant: crm_id}", "{constant: no}", "no (which YAML reads as false)", "a quoted text"),
        ("contact_id: id", "contact_id: no", "mapping.contact_id is no (which YAML reads as false)", "'no' in quotes"),
        ("contact_id: id", "contact_id: 010", "contact_id is 010 (which YAML reads as 8)", "'010' in quotes"),
        ("contact_id: id", "contact_id: 7", "mapping.contact_id is 7", "'7' in quotes"),
        ("contact_id: id", "contact_id: {column: 7}", "contact_id.column is 7", "'7' in quotes"),
        ("{constant: crm_id}", "{constant: 2024-01-01}", "is 2024-01-01 (which YAML reads as a date)", "in quotes"),
        ('delimiter: ";"', "columns: [id, on]", "csv.columns.1 is on (which YAML reads as true)", "'on' in quotes"),
        ('delimiter: ";"', "columns: [2024]", "csv.columns.0 is 2024", "'2024' in quotes"),
        ("  crm:", "  on:", "key on (which YAML reads as true) is not a string", "'on'"),
        ("  crm:", "  7:", "key 7 is not a string", "'7'"),
        ("  crm:", "  C rm:", "'C rm' is not a valid name of a source", "lower case"),
        ("  crm:", "  ../crm:", "'../crm' is not a valid name of a source", "lower case"),
        ("files: contacts.jsonl", "file: contacts.jsonl", "unknown key 'file'", "key 'files' is missing"),
        (
            "format: jsonl",
            "format: jsonl\n        csv: {delimiter: x}",
            "csv options for format jsonl",
            "only with `format: csv`",
        ),
        ('delimiter: ";"', "encoding: klingon", "there is no character set 'klingon'", "cp1252"),
        ('delimiter: ";"', "header: false", "header and columns contradict", "a list of columns"),
        ("    kind: files\n", "    kind: file\n", "kind of sources.crm is 'file'", "did you mean 'files'?"),
    ],
)
def test_a_mistake_is_answered_with_its_line(
    tmp_path: Path, right: str, wrong: str, problem: str, expected: str
) -> None:
    text = SAMPLE.read_text()
    path = tmp_path / "sources.yml"
    path.write_text(text.replace(right, wrong, 1))
    with pytest.raises(ConfigurationError) as caught:
        read_feeds(path)
    assert problem in str(caught.value)
    assert expected in str(caught.value)
    line = text[: text.index(right)].count("\n") + 1
    assert caught.value.line is not None
    assert (
        0 <= line - caught.value.line <= 2 or caught.value.line == line + 1
    )  # what is missing or contradicts is shown at the key above it


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("First Name", "First_Name"),
        ("a,b;c", "a_b_c"),
        ("", "column_3"),
        ("_row_number", "_row_number_"),
        ("_Source_File", "_Source_File_"),
        ("zip", "zip"),
    ],
)
def test_names_that_delta_would_refuse_are_made_fit(given: str, kept: str) -> None:
    assert landed_name(given, 3) == kept


def test_constants_are_quoted_for_sql() -> None:
    assert ColumnMapping(constant="it's \\ ok").sql == r"'it\'s \\ ok'"


def test_an_expression_that_is_no_sql_is_refused_when_it_is_needed() -> None:
    with pytest.raises(ValueError, match="is not SQL"):
        _ = ColumnMapping(expression="case when").columns
    assert ColumnMapping(expression="coalesce(`First_Name`, trim(b), 'c')").columns == ("First_Name", "b")


def test_spellings_of_one_column_and_moments_of_a_mapping(home: Home) -> None:
    home.declare(
        SAMPLE.read_text()
        .replace("timezone: UTC", "timezone: Europe/Berlin")
        .replace("starts_at: start", 'starts_at: {expression: "timestamp_seconds(cast(START as bigint))"}')
        .replace(
            "name: name\n          campaign_type",
            'name: {expression: "upper(START || start)"}\n          campaign_type',
        )
    )
    (campaigns,) = feeds("campaigns")
    assert campaigns.mapped_columns == ("campaign_id", "START", "type", "end")
    assert campaigns.note_on(["CAMPAIGN_ID", "start", "new"]) == "new columns: new"
    assert campaigns.mapping["name"] == "(upper(START || start))"
    assert campaigns.mapping["starts_at"].startswith("concat(cast((timestamp_seconds(")
    assert campaigns.mapping["ends_at"].startswith("(coalesce(")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("max(start) over (partition by name)", "a window function"),
        ("reflect('java.lang.System', 'getenv', 'HOME')", "none of the functions of a mapping"),
        ("coalesce(timestamp_seconds(try_cast(start as bigint)), start)", "now a moment and now a local time"),
    ],
)
def test_expressions_that_cannot_be_right_are_refused_before_a_run(home: Home, expression: str, problem: str) -> None:
    declared = SAMPLE.read_text().replace("timezone: UTC", "timezone: Europe/Berlin")
    home.declare(declared.replace("starts_at: start", f'starts_at: {{expression: "{expression}"}}'))
    assert feeds("campaigns"), "parsed when needed"
    with pytest.raises(ConfigurationError, match=problem):
        check_sources(home.path / "conf")
