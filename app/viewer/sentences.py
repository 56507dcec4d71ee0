"""What a record says, in one sentence of plain English, and how its times are written.

A sentence says no more than the record does: that an agent was called is said of LIVE alone, and that it answered only
where an outcome is recorded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.viewer.rendering import shortened

Item = Mapping[str, Any]
"""A record as the API lists it."""

STATUS_MARKS = {"started": "…", "success": "✓", "error": "✕", "denied": "⊘"}
"""A sign beside the word of each status, so that no meaning is in colour alone."""


class Sentence(NamedTuple):
    """Who did what through which agent, and how it ended. The parts are text, to be escaped by the page."""

    who: str
    did: str
    agent: str
    ended: str


def sentence_of(item: Item) -> Sentence:
    """Return what a record says."""
    context = item["context"] or {}
    who = shortened(item["user_id"], 60) if item["user_id"] else "Somebody who is not named"
    agent = shortened(item["agent_id"], 80)
    event = context.get("event")
    did = {"LIVE": "did" if event else "called", "DRY_RUN": "made a dry run of"}.get(item["mode"], "used")
    if item["mode"] == "LIVE" and item["status"] == "denied":
        did = "asked for"
    if event:
        resource = f" on {shortened(context['resource'], 60)}" if context.get("resource") else ""
        did = f"{did} {shortened(event, 60)}{resource} through"
    return Sentence(who, did, agent, _ended(item))


def _ended(item: Item) -> str:
    status, took = item["status"], item["latency_ms"]
    answered = f" with HTTP {item['http_status']}" if item["http_status"] else ""
    within = f" after {took:,} ms" if took is not None else ""
    why = f": {shortened(item['error'], 120)}" if item["error"] else ""
    match status:
        case "started":
            return "and had not ended when this was recorded"
        case "success":
            return f"and it succeeded{answered}{within}"
        case "error":
            return f"and it failed{answered}{within}{why}"
        case "denied":
            return f"and was refused{why}"
    return f"and how it ended is not recorded{why}"


def when(text: str | None, zone: ZoneInfo, *, precise: bool = False) -> str:
    """Return a time of the API as the page shows it: in `zone`, to the second, or to the microsecond."""
    if text is None:
        return "not known"
    moment = datetime.fromisoformat(text).astimezone(zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f" if precise else "%Y-%m-%d %H:%M:%S")


class Step(NamedTuple):
    """One record on the timeline of its trace. after_ms: since the first of them."""

    item: Item
    sentence: Sentence
    after_ms: float
    is_shown: bool
    """Whether it is the record that the page is about."""


def timeline(items: Sequence[Item], shown_id: str) -> list[Step]:
    """Return the records of one trace, oldest first, with the milliseconds since the first."""
    begun = datetime.fromisoformat(items[0]["created_at"]) if items else None
    return [
        Step(
            item,
            sentence_of(item),
            (datetime.fromisoformat(item["created_at"]) - begun).total_seconds() * 1000 if begun else 0.0,
            item["id"] == shown_id,
        )
        for item in items
    ]


def has_outcome(items: Sequence[Item], started_id: str) -> bool:
    """Whether the LIVE call that a record began has an outcome among the records of its trace, oldest first.

    An outcome ends the newest call of its agent that is still open.
    """
    open_calls: dict[str, list[str]] = {}
    for item in items:
        calls = open_calls.setdefault(item["agent_id"], [])
        if item["mode"] == "LIVE" and item["status"] == "started":
            calls.append(item["id"])
        elif item["mode"] == "LIVE" and item["status"] in ("success", "error") and calls:
            calls.pop()
    return not any(started_id in calls for calls in open_calls.values())
