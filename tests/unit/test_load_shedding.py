"""Load shedding: one caller alone may use the whole limit, and no crowd shuts out a known caller."""

import pytest

from app.http import load_shedding
from app.http.load_shedding import (
    BLOCKED,
    KNOWN_CALLERS,
    MAX_BLOCKED,
    MAX_WRITES,
    WRITES,
    Admission,
    Slot,
    admit,
)


def test_one_caller_alone_has_the_whole_limit_and_no_more() -> None:
    admission = Admission(10)
    assert [admission.admit(1) for _ in range(11)] == [True] * 10 + [False]
    admission.leave(1)
    assert admission.admit(1)


def test_a_second_caller_gets_its_share_while_the_first_fills_the_limit() -> None:
    admission = Admission(10)
    assert all(admission.admit(1) for _ in range(10))
    assert [admission.admit(2) for _ in range(6)] == [True] * 5 + [False]
    assert not admission.admit(1)


def test_the_share_binds_only_while_the_limit_is_reached() -> None:
    admission = Admission(10)
    assert all(admission.admit(1) for _ in range(9))
    assert admission.admit(2)
    for _ in range(9):
        admission.leave(1)
    assert all(admission.admit(2) for _ in range(9))


def test_every_caller_is_admitted_once_and_none_that_was_refused_is_counted() -> None:
    admission = Admission(10)
    admitted = [caller for caller in range(1000) if admission.admit(caller)]
    assert len(admitted) == 1000  # one each: none is shut out
    for caller in admitted:
        admission.leave(caller)
    assert admission.total == 0
    assert all(admission.admit(1) for _ in range(10))


def slot(credential: bytes | None, peer: str = "192.0.2.1", forwarded_for: bytes | None = None) -> Slot | None:
    headers = [] if credential is None else [(b"authorization", credential)]
    headers += [] if forwarded_for is None else [(b"x-forwarded-for", forwarded_for)]
    return admit(b"POST", b"/api/v1/audit/logs", headers, peer, "127.0.0.1,10.0.0.0/8")


def test_strangers_with_any_number_of_made_up_keys_leave_a_known_caller_its_share() -> None:
    KNOWN_CALLERS[hash(b"known")] = hash("acme")
    taken = [slot(b"Bearer %d" % number, f"192.0.2.{number % 250}") for number in range(2000)]
    try:
        assert taken[-1] is None
        known = [slot(b"Bearer known") for _ in range(5)]
        assert None not in known
        taken += known
    finally:
        for each in taken:
            if each is not None:
                each.leave()
    assert WRITES.total == 0


def test_a_stranger_who_is_recognized_counts_as_itself_and_leaves_its_place_to_other_strangers() -> None:
    taken = [slot(b"Bearer new") for _ in range(MAX_WRITES)]
    assert slot(b"Bearer other") is None
    for each in taken:
        assert each is not None
        each.recognize("globex")
    other = slot(b"Bearer other")
    assert other is not None
    for each in [*taken, other]:
        assert each is not None
        each.leave()
    assert WRITES.total == 0


def test_a_read_and_health_have_limits_of_their_own() -> None:
    taken = [slot(None) for _ in range(1000)]
    others = [
        admit(b"GET", b"/api/v1/audit/logs", [], "192.0.2.1", ""),
        admit(b"GET", b"/api/v1/health", [], "192.0.2.1", ""),
        admit(b"GET", b"/metrics", [], "192.0.2.1", ""),
    ]
    assert taken[-1] is None
    assert None not in others
    for each in [*taken, *others]:
        if each is not None:
            each.leave()


def test_behind_a_trusted_proxy_the_address_that_it_names_counts() -> None:
    crowd = [slot(None, "10.1.2.3", b"203.0.113.7") for _ in range(1000)]
    elsewhere = [slot(None, "10.1.2.3", b"203.0.113.%d" % number) for number in range(40)]
    untrusted = [slot(None, "198.51.100.1", b"203.0.113.%d" % number) for number in range(1000)]
    assert crowd[-1] is None
    assert any(each is not None for each in elsewhere)
    assert untrusted[-1] is None
    for each in [*crowd, *elsewhere, *untrusted]:
        if each is not None:
            each.leave()


def test_a_request_that_waits_elsewhere_makes_room_and_is_counted_again_afterwards() -> None:
    taken = slot(b"Bearer a")
    assert taken is not None
    assert (WRITES.total, BLOCKED.total) == (1, 0)
    assert taken.block()
    assert taken.block()
    assert (WRITES.total, BLOCKED.total) == (0, 1)
    taken.serve()
    assert (WRITES.total, BLOCKED.total) == (1, 0)
    taken.leave()
    taken.leave()
    taken.serve()
    assert (WRITES.total, BLOCKED.total) == (0, 0)


def test_those_that_wait_are_limited_too() -> None:
    waiting = []
    while (each := slot(b"Bearer a")) is not None and each.block():
        waiting.append(each)
    assert len(waiting) == MAX_BLOCKED
    if each is not None:
        each.leave()
    for each in waiting:
        each.leave()
    assert (WRITES.total, BLOCKED.total) == (0, 0)


def test_of_known_callers_the_one_that_was_accepted_longest_ago_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_shedding, "MAX_KNOWN_CALLERS", 2)
    KNOWN_CALLERS.clear()
    for credential in (b"1", b"2", b"1", b"3"):
        taken = slot(credential)
        assert taken is not None
        taken.recognize(credential.decode())
        taken.leave()
    assert {hash(b"1"): hash("1"), hash(b"3"): hash("3")} == KNOWN_CALLERS


def test_busy_callers_in_any_number_never_shut_out_one_that_has_nothing_in_service() -> None:
    admission = Admission(10)
    for caller in range(8):
        while admission.admit(caller):
            pass
    assert admission.total >= 20
    assert admission.admit(99)
    assert not admission.admit(99)


def test_a_tenant_with_several_keys_or_spellings_of_one_has_one_share() -> None:
    taken = []
    for number in range(3):
        first = slot(b"key-%d" % number)
        assert first is not None
        first.recognize("acme")
        taken.append(first)
    while (more := slot(b"key-%d" % (len(taken) % 3))) is not None:
        taken.append(more)
    assert len(taken) == MAX_WRITES
    other = slot(b"of another tenant")
    assert other is not None
    for each in [*taken, other]:
        each.leave()
    assert WRITES.total == 0
