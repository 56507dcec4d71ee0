"""Records of every kind for the feed: a table of extremes, and a strategy of Hypothesis for any other."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from app.model.context import CONTEXT_NAMES, MAX_CONTEXT_BYTES

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
CONTROL = "".join(map(chr, [*range(1, 32), *range(127, 160)]))
ODD = "\u2028\u2029\ufeff\uffff\U0010ffff\u00e9e\u0301 \"\\/'</script>{}[]"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ID = "01234567-89ab-7def-8123-456789abcdef"

BARE: dict[str, Any] = {"id": ID, "tenant_id": "acme", "agent_id": "kyc", "created_at": FIRST}
"""As imported history may be: an agent and a time."""
FULL: dict[str, Any] = BARE | {
    "trace_id": TRACE, "mode": "LIVE", "status": "success", "http_status": 200, "latency_ms": 41, "user_id": "jane",
    "error": "none", "created_at": datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
    "recorded_at": datetime(2026, 2, 3, 4, 5, 7, tzinfo=UTC), "api_key_id": "0123456789abcdef",
    "context": json.dumps({name: f"the {name}" for name in CONTEXT_NAMES} | {"span_id": SPAN}),
}  # fmt: skip

_padding = MAX_CONTEXT_BYTES - len('{"resource":""}')
EXTREMES: dict[str, dict[str, Any]] = {
    "says everything": FULL,
    "says nothing": BARE,
    **{f"status {status}": FULL | {"status": status} for status in ("started", "success", "error", "denied")},
    "dry run": FULL | {"mode": "DRY_RUN"},
    "erased": FULL | {"user_id": None, "error": None, "context": None},
    "of an earlier release": FULL | {"recorded_at": None, "api_key_id": None, "context": None},
    "behind a gateway": FULL | {"api_key_id": None},
    "first moment": FULL | {"created_at": FIRST, "recorded_at": FIRST},
    "last moment": FULL | {"created_at": LAST, "recorded_at": LAST},
    "numbers": FULL | {"http_status": 599, "latency_ms": 2**31 - 1},
    "least numbers": FULL | {"http_status": 100, "latency_ms": 0},
    "latency without a code": FULL | {"http_status": None},
    "control characters": FULL | dict.fromkeys(("trace_id", "agent_id", "user_id", "error"), CONTROL),
    "odd characters": FULL | dict.fromkeys(("trace_id", "agent_id", "user_id", "error"), ODD),
    "sizes": FULL | {"trace_id": "😀" * 128, "agent_id": '"' * 128, "user_id": "\\" * 256, "error": "\x01" * 2000},
    "longest tenant": FULL | {"tenant_id": "a" * 63},
    "empty context": FULL | {"context": "{}"},
    "largest context": FULL | {"context": json.dumps({"resource": "x" * _padding}, separators=(",", ":"))},
    "odd context": FULL | {"context": json.dumps(dict.fromkeys(CONTEXT_NAMES, ODD + "\1\n"), ensure_ascii=False)},
    "context of control characters": FULL | {"context": json.dumps({"event": CONTROL, "approver": CONTROL})},
    "context of numbers": FULL | {"context": json.dumps(dict.fromkeys(CONTEXT_NAMES, 1.5))},
    "context of booleans": FULL | {"context": json.dumps(dict.fromkeys(CONTEXT_NAMES, True))},
    "context on lines": FULL | {"context": json.dumps({"event": "e", "approver": "a"}, indent=4).replace("\n", "\r\n")},
    "context with more than a number of jsonb": FULL | {"context": '{"event":1e200000,"approver":-1e-200000}'},
}


def _texts(most: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=most)


_values = _texts(30) | st.just("") | st.integers(-(2**70), 2**70) | st.booleans()
_times = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))

ANY: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "tenant_id": st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True),
        "agent_id": _texts(128),
        "created_at": _times,
        "trace_id": st.none() | st.just(TRACE) | _texts(128),
        "mode": st.sampled_from([None, "DRY_RUN", "LIVE"]),
        "status": st.sampled_from([None, "started", "success", "error", "denied"]),
        "http_status": st.none() | st.integers(100, 599),
        "latency_ms": st.none() | st.integers(0, 2**31 - 1),
        "user_id": st.none() | _texts(256),
        "error": st.none() | _texts(200),
        "recorded_at": st.none() | _times,
        "api_key_id": st.none() | st.just("0123456789abcdef"),
        "context": st.none()
        | st.dictionaries(st.sampled_from(CONTEXT_NAMES), _values | st.just(SPAN)).map(
            lambda members: json.dumps(members, ensure_ascii=False)
        ),
    }
)
