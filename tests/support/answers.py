"""Answers of the service, compared with those that a page shows."""

from typing import Any


def without_what_differs(answer: Any) -> Any:
    """Return `answer` with a placeholder for ids, cursors, times, latencies and the names that the demo gives."""
    if isinstance(answer, list):
        return [without_what_differs(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    return {
        name: "..."
        if name in ("id", "trace_id", "created_at", "recorded_at", "api_key_id", "label", "name")
        or (name == "latency_ms" and isinstance(value, float))
        or (name == "previous_cursor" and isinstance(value, str))
        else without_what_differs(value)
        for name, value in answer.items()
    }
