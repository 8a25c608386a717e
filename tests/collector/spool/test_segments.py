"""What the spool has taken is read back, whatever happened to the process or the disk."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lakehouse.collector.spool.segments import Segments, SpoolFullError, SpoolInUseError, encoded, read_messages
from lakehouse.kafka.producer import Message

MESSAGES = [Message("t", b"k", b"one"), Message("t", None, b"", [("name", b"\xff")]), Message("d", b"", b"three" * 9)]


@pytest.fixture
def segments(tmp_path: Path) -> Iterator[Segments]:
    found = Segments(tmp_path / "spool", most_bytes=10_000)
    yield found
    found.close()


@contextmanager
def largest_file(count: int) -> Iterator[None]:
    """No file of this process may grow beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def drained(segments: Segments) -> list[Message]:
    found: list[Message] = []
    while path := segments.oldest():
        found += read_messages(path)
        segments.remove(path)
    return found


def test_messages_come_back_in_their_order(segments: Segments) -> None:
    segments.append(encoded(MESSAGES[:1]))
    segments.append(encoded(MESSAGES[1:]))
    assert [message._replace(headers=tuple(message.headers)) for message in drained(segments)] == [
        message._replace(headers=tuple(message.headers)) for message in MESSAGES
    ]
    assert segments.total_bytes == 0 and list(segments.folder.glob("*.spool")) == []


def test_what_is_appended_while_the_oldest_file_is_sent_goes_into_another(segments: Segments) -> None:
    segments.append(encoded(MESSAGES[:1]))
    sending = segments.oldest()
    segments.append(encoded(MESSAGES[2:]))
    assert sending is not None
    assert [message.value for message in read_messages(sending)] == [b"one"]
    segments.remove(sending)
    assert [message.value for message in drained(segments)] == [b"three" * 9]


def test_a_long_file_gets_a_successor(tmp_path: Path) -> None:
    segments = Segments(tmp_path, most_bytes=10_000, segment_bytes=50)
    for number in range(6):
        segments.append(encoded([Message("t", b"k", b"%d" % number)]))
    assert len(list(tmp_path.glob("*.spool"))) > 1
    assert [message.value for message in drained(segments)] == [b"%d" % number for number in range(6)]
    segments.close()


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_record_that_is_cut_off_is_left_out_and_the_others_are_kept(tmp_path: Path, cut: int) -> None:
    killed = Segments(tmp_path, 10_000)
    killed.append(encoded(MESSAGES))
    killed.close()
    (path,) = tmp_path.glob("*.spool")
    path.write_bytes(path.read_bytes()[:-cut])
    started = Segments(tmp_path, 10_000)
    started.append(encoded([Message("t", b"k", b"later")]))
    assert [message.value for message in drained(started)] == [b"one", b"", b"later"]
    started.close()


def test_a_damaged_record_is_kept_aside(segments: Segments) -> None:
    segments.append(encoded(MESSAGES))
    path = segments.oldest()
    assert path is not None
    content = path.read_bytes()
    path.write_bytes(content.replace(b"threethree", b"threeTHREE"))
    assert [message.value for message in read_messages(path)] == [b"one", b""]
    assert b"threeTHREE" in path.with_suffix(".damaged").read_bytes()


def test_the_limit_is_told_before_anything_is_written(segments: Segments) -> None:
    assert segments.has_room_for(10_000)
    segments.append(encoded(MESSAGES))
    assert not segments.has_room_for(10_000)


def test_a_full_disk_keeps_what_was_there_and_takes_what_fits(segments: Segments) -> None:
    segments.append(encoded([Message("t", b"k", b"before")]))
    with largest_file(1000):
        with pytest.raises(SpoolFullError, match="File too large"):
            segments.append(encoded([Message("t", b"k", b"x" * 2000)]))
        segments.append(encoded([Message("t", b"k", b"small")]))
    segments.append(encoded([Message("t", b"k", b"after")]))
    assert [message.value for message in drained(segments)] == [b"before", b"small", b"after"]


def test_a_disk_that_is_full_from_the_start_has_no_file_in_the_end(segments: Segments) -> None:
    with largest_file(10), pytest.raises(SpoolFullError):
        segments.append(encoded(MESSAGES))
    assert list(segments.folder.glob("*.spool")) == []
    segments.append(encoded(MESSAGES[:1]))
    assert [message.value for message in drained(segments)] == [b"one"]


def test_only_one_process_uses_it(segments: Segments) -> None:
    with pytest.raises(SpoolInUseError):
        Segments(segments.folder, 10_000)
