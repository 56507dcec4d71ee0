"""More connections than a worker takes: idle ones are closed, the oldest first; one with a request to answer stays."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from app.http import connections
from app.http.connections import UnreadAnswers
from tests.support.file_service import get
from tests.support.polling import eventually

HEALTH = get()


def connect(port: int, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def answer(connection: socket.socket) -> bytes:
    connection.sendall(HEALTH)
    return connection.recv(65536)


def test_idle_connections_make_room_the_oldest_first(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 5)
    with ExitStack() as stack:
        idle = [connect(port, stack) for _ in range(5)]
        eventually(lambda: len(UnreadAnswers.all_connections._silent) == 5)
        assert answer(connect(port, stack)).startswith(b"HTTP/1.1 200 ")
        eventually(lambda: is_closed(idle[0]))
        assert not any(is_closed(each) for each in idle[1:])


def test_one_that_never_asked_is_closed_before_one_that_was_served(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 3)
    with ExitStack() as stack:
        served = connect(port, stack)
        assert answer(served).startswith(b"HTTP/1.1 200 ")
        silent = [connect(port, stack) for _ in range(2)]
        eventually(lambda: len(UnreadAnswers.all_connections._silent) == 2)
        assert answer(connect(port, stack)).startswith(b"HTTP/1.1 200 ")
        eventually(lambda: is_closed(silent[0]))
        assert answer(served).startswith(b"HTTP/1.1 200 ")


def test_when_every_connection_has_a_request_to_answer_one_more_is_refused(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    unfinished = (
        b"POST /api/v1/audit/logs HTTP/1.1\r\nHost: x\r\nX-Tenant-ID: acme\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n["
    )
    with ExitStack() as stack:
        for _ in range(2):
            connect(port, stack).sendall(unfinished)
        eventually(lambda: not UnreadAnswers.all_connections._silent)
        assert connect(port, stack).recv(65536).startswith(b"HTTP/1.1 503 ")


@dataclass(eq=False)
class Unread(UnreadAnswers):
    """A connection whose caller does not read."""

    bytes: int
    was_cut: bool = False

    def close_idle(self) -> None:
        raise AssertionError("it has something to answer")

    def cut(self) -> None:
        self.was_cut = True

    def unsent_bytes(self) -> int:
        return self.bytes


def test_when_too_much_is_unread_the_callers_that_have_not_read_for_longest_are_cut() -> None:
    kept = connections.Connections()
    third = connections.MAX_UNSENT_BYTES // 3
    callers = [Unread(third) for _ in range(4)]
    for caller in callers[:3]:
        kept.note_unread(caller)
    assert not any(caller.was_cut for caller in callers)
    kept.note_read(callers[1])  # it goes on, and comes after the others
    kept.note_unread(callers[1])
    kept.note_unread(callers[3])
    assert [caller.was_cut for caller in callers] == [True, False, False, False]
