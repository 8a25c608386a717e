"""Profiles in DynamoDB: an item per customer, a binary attribute of it per field. It needs the extra `dynamodb`.

Binary values compare as unsigned bytes there, so that the rule which write counts is the condition of the update.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse.profiles.fields import Field
from lakehouse.profiles.loads import lost_profile, outdated
from lakehouse.profiles.store import StoreUnavailableError

T = TypeVar("T")
_READ_SECONDS, _WRITE_SECONDS = 1.0, 10.0
_THREADS = 16
_AT_ONCE = 25  # items that are read as of one moment; the field that names the load is among the first
_KEY, _PREFIX = "customer_id", "f:"
_LONGEST = 2048  # bytes of a key


class DynamodbStore:
    """A profile store in a table, which is made with the first write.

    Args:
        url: `dynamodb://<table>?region=<region>`, and `&endpoint=<url>` for one that is not Amazon's. Credentials are
            those that boto3 finds.
    """

    name = "dynamodb"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._table, self._region, self._endpoint = parts.netloc, given.get("region"), given.get("endpoint")

    def write(self, fields: Sequence[Field]) -> None:
        """As in ProfileStore."""
        self._each(self._write_one, fields)

    async def read(self, customer_ids: Sequence[str]) -> list[Field]:
        """As in ProfileStore; of more than 25, parts as of one moment each."""
        asked = [each for each in dict.fromkeys(customer_ids) if 0 < len(each.encode("utf-8", "replace")) <= _LONGEST]
        parts = [asked[start : start + _AT_ONCE] for start in range(0, len(asked), _AT_ONCE)]
        found = await asyncio.gather(*(asyncio.to_thread(self._read, part) for part in parts))
        return [field for fields in found for field in fields]

    def delete(self, customer_ids: Sequence[str]) -> None:
        """As in ProfileStore."""
        self._each(lambda key: self._writer.delete_item(TableName=self._table, Key=_key(key)), customer_ids)

    def gone_since(self, generation: int) -> list[str]:
        """As in ProfileStore."""
        return [customer_id for customer_id, names in self._loaded() if lost_profile(names, generation)]

    def sweep(self, generation: int) -> None:
        """As in ProfileStore."""
        old = [(customer_id, old) for customer_id, names in self._loaded() if (old := outdated(names, generation))]
        self._each(lambda each: self._remove(*each), old)

    async def close(self) -> None:
        """As in ProfileStore."""
        for client in ("_reader", "_writer"):
            if client in vars(self):
                vars(self).pop(client).close()

    def _write_one(self, field: Field) -> None:
        try:
            self._writer.update_item(
                TableName=self._table,
                Key=_key(field.customer_id),
                UpdateExpression="SET #f = :v",
                ConditionExpression="attribute_not_exists(#f) OR #f < :v",
                ExpressionAttributeNames={"#f": _PREFIX + field.name},
                ExpressionAttributeValues={":v": {"B": field.encoded()}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":  # an older one
                raise

    def _read(self, customer_ids: Sequence[str]) -> list[Field]:
        asked = [{"Get": {"TableName": self._table, "Key": _key(each)}} for each in customer_ids]
        try:
            answers = self._done(lambda: self._reader.transact_get_items(TransactItems=asked)["Responses"])
        except _NoTableError:
            return []
        return [
            Field.decoded(item[_KEY]["S"], name.removeprefix(_PREFIX), bytes(value["B"]))
            for item in (answer.get("Item", {}) for answer in answers)
            for name, value in item.items()
            if name != _KEY
        ]

    def _remove(self, customer_id: str, names: Sequence[str]) -> None:
        self._writer.update_item(
            TableName=self._table,
            Key=_key(customer_id),
            UpdateExpression="REMOVE " + ", ".join(f"#f{number}" for number in range(len(names))),
            ExpressionAttributeNames={f"#f{number}": _PREFIX + name for number, name in enumerate(names)},
        )

    def _loaded(self) -> Iterator[tuple[str, list[str]]]:
        """Every customer with the names of the fields that loads wrote."""
        self._ensure_table()
        pages = iter(self._writer.get_paginator("scan").paginate(TableName=self._table))
        while (page := self._done(lambda: next(pages, None))) is not None:
            for item in page["Items"]:
                names = [name.removeprefix(_PREFIX) for name in item if "#" in name]
                if names:
                    yield item[_KEY]["S"], names

    def _each(self, work: Callable[[Any], Any], things: Sequence[Any]) -> None:
        if things:
            self._ensure_table()
            with ThreadPoolExecutor(_THREADS) as threads:
                self._done(lambda: list(threads.map(work, things)))

    def _done(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                raise _NoTableError(self.name, code) from None
            raise StoreUnavailableError(self.name, code) from None
        except BotoCoreError as error:
            raise StoreUnavailableError(self.name, type(error).__name__) from None

    def _ensure_table(self) -> None:
        if "_table_is_there" in vars(self):
            return
        try:
            self._done(lambda: self._writer.describe_table(TableName=self._table))
        except _NoTableError:
            self._done(
                lambda: self._writer.create_table(
                    TableName=self._table,
                    KeySchema=[{"AttributeName": _KEY, "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": _KEY, "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                )
            )
            self._done(lambda: self._writer.get_waiter("table_exists").wait(TableName=self._table))
        vars(self)["_table_is_there"] = True

    @cached_property
    def _writer(self) -> Any:
        return self._client(_WRITE_SECONDS, attempts=3)

    @cached_property
    def _reader(self) -> Any:
        return self._client(_READ_SECONDS, attempts=1)

    def _client(self, seconds: float, attempts: int) -> Any:
        config = Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            max_pool_connections=_THREADS,
            retries={"total_max_attempts": attempts, "mode": "standard"},
        )
        return boto3.client("dynamodb", region_name=self._region, endpoint_url=self._endpoint, config=config)


class _NoTableError(StoreUnavailableError):
    """The table is not there."""


def _key(customer_id: str) -> dict[str, Any]:
    return {_KEY: {"S": customer_id}}
