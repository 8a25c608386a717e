"""What holds for every simulated platform: an upsert can be repeated and come in any order, and says nothing of what
people subscribed to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import compile_path

from lakehouse.simulators.call import Call
from lakehouse.simulators.fault_plan import FaultPlan
from lakehouse.simulators.mailchimp import LIST
from lakehouse.simulators.platform import Happening, Options, Platform
from lakehouse.simulators.registry import platform_class
from tests.simulators.klaviyo_calls import import_job, profile
from tests.simulators.listmonk_calls import UPDATE, row, table

NOW = 1_790_000_000.0
Rows = Mapping[str, Mapping[str, str]]  # name of a person -> attributes


def _play(
    platform: Platform, path: str, body: Any, headers: Mapping[str, str] | None = None, method: str = "POST"
) -> None:
    """One request, and the job that it starts."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    matches = (
        (compile_path(route)[0].match(path), handle) for verb, route, handle in platform.routes() if verb == method
    )
    found, handle = next((found, handle) for found, handle in matches if found)
    modifiers = FaultPlan([]).arm(1, method, path)
    answer = handle(Call(method, path, {}, headers or {}, content, NOW, modifiers, 0.0, found.groupdict()))
    assert answer.status < 300, answer
    platform.settle(NOW)


def _klaviyo(platform: Platform, rows: Rows) -> None:
    profiles = [profile(_email(name), properties=dict(facts)) for name, facts in rows.items()]
    _play(platform, "/api/profile-bulk-import-jobs", import_job(*profiles), {"revision": "2026-10-15"})


def _customerio(platform: Platform, rows: Rows) -> None:
    operations = [
        {
            "type": "person",
            "action": "identify",
            "identifiers": {"id": name},
            "attributes": {"email": _email(name), **facts},
        }
        for name, facts in rows.items()
    ]
    _play(platform, "/api/v2/batch", {"batch": operations})


def _iterable(platform: Platform, rows: Rows) -> None:
    users = [{"userId": name, "email": _email(name), "dataFields": facts} for name, facts in rows.items()]
    _play(platform, "/api/users/bulkUpdate", {"users": users})


def _listmonk(platform: Platform, rows: Rows) -> None:
    params = {"mode": "subscribe", "delim": ",", "lists": [1], **UPDATE}
    content = table(*[row(_email(name), name, **facts) for name, facts in rows.items()])
    form = httpx.Request("POST", "http://x", data={"params": json.dumps(params)}, files={"file": ("a.csv", content)})
    headers = {"content-type": form.headers["content-type"]}
    _play(platform, "/api/import/subscribers", form.read(), headers)


def _braze(platform: Platform, rows: Rows) -> None:
    attributes = [{"external_id": name, "email": _email(name), **facts} for name, facts in rows.items()]
    _play(platform, "/users/track", {"attributes": attributes})


def _sendgrid(platform: Platform, rows: Rows) -> None:
    contacts = [{"email": _email(name), **facts} for name, facts in rows.items()]
    _play(platform, "/v3/marketing/contacts", {"contacts": contacts}, method="PUT")


def _mailchimp(platform: Platform, rows: Rows) -> None:
    """Who is new needs a status; who is there keeps theirs, because none is sent."""
    there = {person.email for person in platform.people}
    members = [
        {"email_address": _email(name), "merge_fields": {"FNAME": facts.get("city", ""), "LNAME": name}}
        | ({} if _email(name) in there else {"status": "subscribed"})
        for name, facts in rows.items()
    ]
    _play(platform, f"/3.0/lists/{LIST}", {"members": members, "update_existing": True})


UPSERTS: dict[str, Callable[[Platform, Rows], None]] = {
    "klaviyo": _klaviyo,
    "customerio": _customerio,
    "iterable": _iterable,
    "listmonk": _listmonk,
    "listmonk-5": _listmonk,
    "braze": _braze,
    "mailchimp": _mailchimp,
    "sendgrid": _sendgrid,
}
each_platform = pytest.mark.parametrize("name", UPSERTS)

_NAMES = st.sampled_from(["ann", "ben", "cem", "dia", "eve"])
_FACTS = st.dictionaries(st.sampled_from(["country", "city"]), st.sampled_from(["Ulm", "Bonn", "x y"]), min_size=1)
_ROWS = st.dictionaries(_NAMES, _FACTS, min_size=1)
_HISTORY = st.lists(st.tuples(_NAMES, st.sampled_from(get_args(Happening))), max_size=8)


def _email(name: str) -> str:
    return f"{name}@example.com"


def _after(name: str, batches: Sequence[Rows], history: Sequence[tuple[str, Happening]] = ()) -> Platform:
    """A platform that got batches, of which the first came before the history."""
    platform = platform_class(name)(Options(clock=lambda: NOW, is_limited=False, seconds_of_a_job=0.0))
    for number, rows in enumerate(batches):
        if rows:
            UPSERTS[name](platform, rows)
        for who, what in history if number == 0 else ():
            platform.happened(_email(who), what, NOW)
    return platform


def _held(platform: Platform) -> dict[str, Any]:
    """What it holds by its own key, without what counts calls and what depends on the order of arrival."""
    people = platform.state(NOW, None, with_people=True)["people"]
    told = ("facts", "subscription", "is_suppressed", "memberships", "lists", "preferences")
    return {key: {name: person[name] for name in told if name in person} for key, person in people.items()}


def _subscriptions(platform: Platform) -> dict[str, Any]:
    """What people are subscribed to."""
    return {key: {**held, "facts": None, "memberships": None} for key, held in _held(platform).items()}


@each_platform
@settings(max_examples=25, deadline=None)
@given(before=_ROWS, history=_HISTORY, rows=_ROWS)
def test_an_upsert_twice_is_an_upsert_once(name: str, before: Rows, history: list[Any], rows: Rows) -> None:
    once, twice = _after(name, [before, rows], history), _after(name, [before, rows, rows], history)
    assert _held(once) == _held(twice)


@each_platform
@settings(max_examples=25, deadline=None)
@given(before=_ROWS, history=_HISTORY, rows=_ROWS, data=st.data())
def test_batches_of_different_people_come_in_any_order(
    name: str, before: Rows, history: list[Any], rows: Rows, data: st.DataObject
) -> None:
    batches = [{who: facts} for who, facts in rows.items()]
    shuffled = data.draw(st.permutations(batches))
    together = _after(name, [before, rows], history)
    assert _held(_after(name, [before, *batches], history)) == _held(together)
    assert _held(_after(name, [before, *shuffled], history)) == _held(together)


@each_platform
@settings(max_examples=25, deadline=None)
@given(before=_ROWS, history=_HISTORY, rows=_ROWS)
def test_no_upsert_changes_a_subscription(name: str, before: Rows, history: list[Any], rows: Rows) -> None:
    untouched, upserted = _after(name, [before], history), _after(name, [before, rows], history)
    then = _subscriptions(upserted)
    assert {key: then[key] for key in _subscriptions(untouched)} == _subscriptions(untouched)
    assert upserted.state(NOW, None, with_people=False)["totals"]["count_raised"] == 0
