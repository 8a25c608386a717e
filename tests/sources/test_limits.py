"""What is beyond a limit is set aside whole with the limit that it broke, and the other files land; an API fails."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from lakehouse.config.feeds import feeds
from lakehouse.config.settings import settings
from lakehouse.contracts import BRONZE_LINEAGE, Column
from lakehouse.errors import ContractError, TerminalError, UnreadableFileError
from lakehouse.sources.first_rows import first_rows
from lakehouse.storage.table import Table
from lakehouse.tables import bronze
from tests.sources.api import Answer, Api
from tests.sources.conftest import Home

FILES = """
sources:
  shop:
    kind: files
    location: in
    datasets:
      products:
        files: ["*.csv", "*/*.csv"]
        format: csv
        load: increment
        mapping: {{product_id: id, name: name}}
        limits: {limits}
"""
API = """
sources:
  shop:
    kind: rest
    base_url: {url}
    attempts: 1
    datasets:
      products:
        path: products
        pagination: {{kind: none}}
        load: full
        mapping: {{product_id: id, name: name}}
        limits: {limits}
"""
MB = 1 << 20


@pytest.fixture
def shop(home: Home) -> Home:
    (home.path / "in").mkdir()
    home.declare(FILES.format(limits="{columns: 6, new_columns: 2}"))
    return home


def _csv(*more: str) -> str:
    return ",".join(["id", "name", *more]) + "\n" + ",".join(["1", "x", *more]) + "\n"


def _in_bronze(*columns: str) -> None:
    """Make the bronze table of the feed, as a run before this one would have."""
    received = tuple(Column(name, "string", "as received") for name in columns)
    Table(bronze("shop", "products"), settings().lake).ensure((*received, *BRONZE_LINEAGE))


def _set_aside(home: Home) -> dict[str, str | None]:
    return {name: reason for name, outcome, reason, _ in home.files() if outcome == "set_aside"}


def test_a_file_brings_so_many_columns(shop: Home) -> None:
    shop.deliver("in/first.csv", _csv("a", "b", "c"))
    shop.deliver("in/wide.csv", _csv("a", "b", "c", "d", "e"))
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 1
    remedy = "raise `limits.columns` of the dataset in sources.yml"
    assert _set_aside(shop) == {"wide.csv": f"it has 7 columns, 6 are allowed; if it is meant to, {remedy}"}
    shop.declare(FILES.format(limits="{columns: 7}"))
    assert shop.extract("products")[0].loaded == 1, "another limit: what was set aside is looked at again"


def test_a_known_feed_gets_few_new_columns_at_once(shop: Home) -> None:
    _in_bronze("ID", "name")
    shop.deliver("in/few.csv", _csv("x", "y"))
    shop.deliver("in/many.csv", _csv("x", "y", "z"))
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 1
    reason = _set_aside(shop)["many.csv"]
    assert reason is not None
    assert reason.startswith("it has 3 columns that bronze.shop_products lacks, 2 are allowed; ")
    assert "raise `limits.new_columns` of the dataset in sources.yml" in reason


def test_few_new_columns_at_once_are_many_in_the_end(shop: Home) -> None:
    _in_bronze("id", "name", "a", "b")
    for number in range(4):
        moment = 1_000_000 + number
        os.utime(shop.deliver(f"in/{number}.csv", _csv(f"x{number}")), (moment, moment))
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 2
    reasons = set(_set_aside(shop).values())
    assert len(reasons) == 1
    assert "with it bronze.shop_products would have 7 columns, 6 are allowed" in str(reasons)


def test_a_file_that_is_too_large_as_it_is_is_not_opened(shop: Home) -> None:
    shop.declare(FILES.format(limits="{unpacked_gb: 0.001}"))
    shop.deliver("in/small.csv", _csv())
    with (shop.path / "in" / "sparse.csv").open("wb") as file:
        file.truncate(1 << 40)
    assert shop.extract("products")[0].loaded == 1
    assert str(_set_aside(shop)["sparse.csv"]).startswith("it has more than 0.001 GB; if it is meant to, raise")


@pytest.mark.parametrize("target", ["file", "folder"])
def test_a_link_out_of_the_folder_is_not_opened(shop: Home, target: str) -> None:
    shop.deliver("in/own.csv", _csv())
    shop.deliver("elsewhere/secret.csv", "id,name\n9,secret\n")
    name = "link.csv" if target == "file" else "sub/secret.csv"
    if target == "file":
        (shop.path / "in" / name).symlink_to("../elsewhere/secret.csv")
    else:
        (shop.path / "in" / "sub").symlink_to(shop.path / "elsewhere")
    (outcome,) = shop.extract("products")
    assert outcome.loaded == 1
    assert f"{name} (it is a symbolic link that leads out of the folder" in outcome.warnings[0]
    assert list(_set_aside(shop)) == [name]
    assert [row["id"] for row in shop.landed("shop", "products")] == ["1"]
    assert shop.extract("products")[0].skipped
    os.utime(shop.path / "elsewhere" / "secret.csv", (4e9, 4e9))
    (feed,) = feeds("products")
    with pytest.raises(UnreadableFileError, match="leads out of the folder"):
        first_rows(feed)


def test_links_within_the_folder_are_followed(shop: Home) -> None:
    shop.deliver("in/2024/a.csv", _csv())
    (shop.path / "in" / "newest.csv").symlink_to("2024/a.csv")
    (shop.path / "mount").symlink_to("in")
    shop.declare(FILES.format(limits="{}").replace("location: in", "location: mount"))
    (outcome,) = shop.extract("products")
    assert (outcome.loaded, outcome.duplicates) == (1, 1)


def test_a_link_alone_stops_the_dataset(shop: Home) -> None:
    shop.deliver("elsewhere.csv", _csv())
    (shop.path / "in" / "link.csv").symlink_to("../elsewhere.csv")
    with pytest.raises(ContractError, match="it is a symbolic link that leads out of the folder"):
        shop.extract("products")


@pytest.mark.parametrize("status", [200, 500, 302])
def test_an_answer_is_read_up_to_its_limit(home: Home, api: Api, status: int) -> None:
    home.declare(API.format(url=api.url, limits="{answer_mb: 1}"))
    body = gzip.compress(b'[{"id": 1, "name": "' + b"x" * (50 * MB) + b'"}]')
    api.answer = lambda path, query: Answer(body, status, {"Content-Encoding": "gzip", "Location": "/products"})
    with pytest.raises(TerminalError, match="products answers with more than 1 MB") as caught:
        home.extract("products")
    assert "raise `limits.answer_mb` of the dataset in sources.yml" in caught.value.remedy
    assert len(api.requests) == 1


def test_an_answer_below_its_limit_is_read(home: Home, api: Api) -> None:
    home.declare(API.format(url=api.url, limits="{answer_mb: 3}"))
    body = gzip.compress(json.dumps([{"id": 1, "name": "x" * 2 * MB}]).encode())
    api.answer = lambda path, query: Answer(body, headers={"Content-Encoding": "gzip"})
    assert home.extract("products")[0].loaded == 1


def test_records_bring_so_many_columns(home: Home, api: Api) -> None:
    home.declare(API.format(url=api.url, limits="{}"))
    api.answer = lambda path, query: Answer([{"id": 1, "name": "x"}] + [{f"c{number}": 1} for number in range(2_000)])
    with pytest.raises(ContractError, match=r"it has 2002 columns, 1000 are allowed; .*raise `limits\.columns`"):
        home.extract("products")
    home.declare(API.format(url=api.url, limits="{new_columns: 1}"))
    _in_bronze("id", "name")
    api.answer = lambda path, query: Answer([{"id": 1, "name": "x", "a": 1, "b": 1}])
    with pytest.raises(ContractError, match=r"it has 2 columns that bronze\.shop_products lacks, 1 are allowed"):
        home.extract("products")
