"""Dead letters are counted by reason, and become events when they keep the contract."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakehouse.collector.checked import messages_of
from lakehouse.collector.dead_letters import (
    AnotherReplayError,
    by_reason,
    note_of,
    only_replay,
    read_notes,
    replayable,
    write_notes,
)
from lakehouse.kafka.read_topic import Kept

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)


def letter(call: Any, offset: int = 0, **changes: Any) -> Kept:
    """The dead letter of a call, its event changed as a fix would."""
    ((message,), _) = messages_of([call], AT, "key")
    event = json.loads(message.value)
    value = json.dumps(event | changes).encode() if changes else message.value
    headers = {name: text.decode() for name, text in message.headers}
    return Kept(0, offset, AT + timedelta(seconds=offset), value, headers)


NAMELESS = {"type": "track", "userId": "u1", "messageId": "m1"}


def test_they_are_counted_by_reason() -> None:
    letters = [letter(NAMELESS, 0), letter({"type": "page"}, 1), letter(NAMELESS, 2)]
    found = by_reason(letters, {note_of(letters[0])})
    assert [(each.reason, each.count, each.replayed, each.example) for each in found] == [
        ("it has no event_name", 2, 1, "0:2"),
        ("it has neither userId nor anonymousId", 1, 0, "0:1"),
    ]
    assert (found[0].topic, found[0].stage) == ("web_events", "collector")
    assert (found[0].first_at, found[0].last_at) == (AT, AT + timedelta(seconds=2))


def test_one_that_keeps_the_contract_is_the_event_it_should_have_been() -> None:
    found = replayable(letter(NAMELESS, event_name="Signed Up"))
    assert found is not None
    assert (found.message.topic, found.message.key, found.message.headers) == ("web_events", b"u1", ())
    assert json.loads(found.message.value)["event_id"] == "m1"


@pytest.mark.parametrize(
    "still_broken",
    [
        letter(NAMELESS),
        letter(7),
        letter(NAMELESS, event_name="Long", properties={"text": "x" * 40_000}),
        letter(NAMELESS)._replace(value=b"\xff{"),
        letter(NAMELESS, event_name="Signed Up")._replace(headers={}),
    ],
)
def test_others_stay_what_they_are(still_broken: Kept) -> None:
    assert replayable(still_broken) is None


def test_what_was_replayed_is_noted_in_the_home_and_a_topic_made_anew_begins_anew(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == set()
    first, anew = letter(NAMELESS), letter(NAMELESS)._replace(at=AT + timedelta(days=1))
    write_notes(tmp_path, [note_of(first)])
    assert note_of(first) in read_notes(tmp_path) and note_of(anew) not in read_notes(tmp_path)


def test_two_replays_at_once_are_refused(tmp_path: Path) -> None:
    with only_replay(tmp_path), pytest.raises(AnotherReplayError), only_replay(tmp_path):
        raise AssertionError("the second one began")
