"""Lines of an old file: which times are read, and which values are kept or left out."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.import_jsonl.lines import HistoryLine, NotTaken, read_line
from tests.support.importing import RECORD

BERLIN = ZoneInfo("Europe/Berlin")


def read(created_at: object, zone: ZoneInfo | None = None) -> HistoryLine:
    line = read_line(json.dumps(RECORD | {"created_at": created_at}).encode(), zone)
    assert line is not None
    return line


def with_member(member: bytes) -> bytes:
    """Return the line of a good record with one more member, as it is."""
    return json.dumps(RECORD).encode()[:-1] + b", " + member + b"}\n"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("9999-12-31T23:59:59-05:00", "after the year 9999"),
        ("9999-12-31T23:59:59.999999-00:01", "after the year 9999"),
        ("0001-01-01T00:00:00+14:00", "before 1970"),
        ("0001-01-01T00:00:00Z", "before 1970"),
        ("0000-01-01T00:00:00Z", "no time"),
        ("1969-12-31T23:59:59.999999Z", "before 1970"),
        ("1970-01-01T00:59:59+01:00", "before 1970"),
        (-1, "before 1970"),
        (-0.5, "before 1970"),
        (1e300, "after the year 9999"),
        (253402300800000000, "after the year 9999"),
        (10**400, "after the year 9999"),
        ("2016-12-31T23:59:60Z", "a leap second"),
        ("2017-01-01T00:59:60+01:00", "a leap second"),
        ("2026-01-02T24:00:00Z", "hour 24"),
        ("20260102T240000Z", "hour 24"),
        ("2026-01-02T25:00:00Z", "no time"),
        ("2026-01-02T03:61:00Z", "no time"),
        ("2026-01-02T03:04:05+16:00", "no time"),
    ],
)
def test_a_time_that_cannot_be_stored_is_refused_with_the_reason(written: object, why: str) -> None:
    with pytest.raises(NotTaken, match=f"^created_at: .*{why}"):
        read(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59+05:00", "9999-12-31T18:59:59.000000Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
        ("1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00.000000Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
        (253402300799999999, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_the_first_and_the_last_time_are_taken(written: object, meant: str) -> None:
    assert read(written).record["created_at"] == meant


@pytest.mark.parametrize("written", ["9999-12-31T23:59:59.9999999Z", "2026-01-02T03:04:05.123456789Z"])
def test_what_is_finer_than_microseconds_is_cut_off_and_said(written: str) -> None:
    line = read(written)
    assert line.record["created_at"] == f"{written[:26]}Z"
    assert line.repaired == ("created_at finer than microseconds, cut off",)


def test_nine_digits_of_which_the_last_are_zeros_change_nothing() -> None:
    assert read("2026-01-02T03:04:05.123456000Z").repaired == ()


def test_a_number_finer_than_microseconds_is_rounded_and_said() -> None:
    line = read_line(with_member(b'"x": 1').replace(b'"2026-01-02T03:04:05.123456Z"', b"1767323045.123456789"), None)
    assert line is not None
    assert line.record["created_at"] == "2026-01-02T03:04:05.123457Z"
    assert line.repaired == ("created_at as a number", "created_at finer than microseconds, rounded")
    assert read(1767323045.25).repaired == ("created_at as a number",)


@pytest.mark.parametrize(
    ("zone", "local", "why"),
    [
        ("Europe/Berlin", "2025-10-26T02:30:00", "ambiguous"),
        ("Europe/Berlin", "2025-10-26T02:00:00", "ambiguous"),
        ("Europe/Berlin", "2025-03-30T02:30:00", "never showed"),
        ("America/New_York", "2025-11-02 01:59:59.999999", "ambiguous"),
        ("America/New_York", "2025-03-09T02:00", "never showed"),
        ("Australia/Lord_Howe", "2025-04-06T01:45:00", "ambiguous"),
        ("Pacific/Apia", "2011-12-30T12:00:00", "never showed"),
    ],
)
def test_a_local_time_of_a_clock_change_is_not_guessed(zone: str, local: str, why: str) -> None:
    with pytest.raises(NotTaken, match=f"^created_at: .*{why}"):
        read(local, ZoneInfo(zone))
    assert read(f"{local}+01:00", ZoneInfo(zone)).repaired == ()  # one that names its offset needs no guess


@pytest.mark.parametrize(
    ("local", "meant"),
    [
        ("2025-10-26T01:59:59.999999", "2025-10-25T23:59:59.999999Z"),
        ("2025-10-26T03:00:00", "2025-10-26T02:00:00.000000Z"),
        ("2025-03-30T01:59:59", "2025-03-30T00:59:59.000000Z"),
        ("2025-03-30T03:00:00", "2025-03-30T01:00:00.000000Z"),
    ],
)
def test_a_local_time_beside_a_clock_change_is_taken(local: str, meant: str) -> None:
    line = read(local, BERLIN)
    assert line.record["created_at"] == meant
    assert line.repaired == ("created_at without a zone",)


LEFT_OUT = [
    *(b"NaN", b"-Infinity", b"[Infinity]", b"1e999", b"-1" + b"0" * 5000, b'[{"a": {"b": 1, "b": 2}}]'),
    *(b"[" * depth + b"]" * depth for depth in (65, 990, 1500, 100_000)),
    b'{"a": ' * 2000 + b'"]"' + b"}" * 2000,
    *(b'"\xff\xfe"', b'"J\xfcrgen"', b'"a\tb"', b'"\\ud800"', b'"\\u0000"'),
]  # fmt: skip


@pytest.mark.parametrize("value", LEFT_OUT, ids=lambda value: repr(value[:20]))
def test_a_record_is_taken_with_any_value_in_a_field_that_is_left_out(value: bytes) -> None:
    line = read_line(with_member(b'"output": ' + value), None)
    assert line is not None
    assert line.unknown == ("output",)
    plain = read_line(json.dumps(RECORD).encode(), None)
    assert plain is not None
    assert line.record == plain.record


@pytest.mark.parametrize("value", LEFT_OUT, ids=lambda value: repr(value[:20]))
@pytest.mark.parametrize("field", ["user_id", "http_status", "id"])
def test_in_a_field_that_is_kept_the_same_refuses_the_record(field: str, value: bytes) -> None:
    if (field, value) == ("user_id", b'"a\tb"'):
        return  # a tab has one meaning, escaped or not
    with pytest.raises(NotTaken, match=f"^{field}: "):
        read_line(with_member(b'"%b": %b' % (field.encode(), value)), None)


def test_a_field_that_is_left_out_may_stand_twice_and_one_that_is_kept_may_not() -> None:
    assert read_line(with_member(b'"output": 1, "output": 2'), None) is not None
    for field in ("tenant_id", "created_at", "status", "agent_id"):
        with pytest.raises(NotTaken, match=f"^{field}: stands twice$"):
            read_line(with_member(b'"%b": %b' % (field.encode(), json.dumps(RECORD[field]).encode())), None)


@pytest.mark.parametrize(
    "value",
    [b"[" * 3000 + b"]" * 2999, b"[" * 3000 + b"}" * 3000, b"[" * 3000 + b"x" + b"]" * 3000, b"[" * 3000, b"[1,,2]"],
    ids=lambda value: repr(value[:5] + value[-5:]),
)
def test_what_is_no_json_at_any_depth_refuses_the_line(value: bytes) -> None:
    with pytest.raises(NotTaken, match=r"^not JSON at character"):
        read_line(with_member(b'"output": ' + value), None)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_may_be_left_out(value: Any) -> None:
    line = read_line(with_member(b'"output": ' + json.dumps(value).encode()), None)
    assert line is not None
    assert line.unknown == ("output",)


def test_a_byte_order_mark_is_no_part_of_a_line() -> None:
    line = read_line(b"\xef\xbb\xbf" + json.dumps(RECORD).encode(), None)
    assert line is not None
    assert line.record["agent_id"] == "kyc"
    assert read_line(b"\xef\xbb\xbf\r\n", None) is None
