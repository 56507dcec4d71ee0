"""The query of the list: the filters of the API by the same names, and how the page shows what they find.

A form sends empty fields, local times, and a field for each column. form_to_query() turns that into the one query that
means the same, which the page redirects to: so an address that is kept or sent on is short, and says what it shows.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from app.model.field_types import TenantId, Text, TrueOrFalse
from app.model.query import Closed, ListQuery
from app.model.refusals import InvalidRequest

PRESETS = {"1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
"""Windows that end now, by the name that the address has."""
_SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
COLUMNS = {
    "agent_id": "Agent",
    "user_id": "User",
    "mode": "Mode",
    "http_status": "HTTP status",
    "latency_ms": "Latency (ms)",
    "trace_id": "Trace",
    "api_key_id": "Key",
    "recorded_at": "Recorded",
    "id": "Record id",
}
"""Columns that can be added to the time, the sentence and the status, and their headings."""
ZONES = (
    "UTC", "Europe/London", "Europe/Paris", "Europe/Berlin", "Europe/Zurich", "America/New_York", "America/Chicago",
    "America/Los_Angeles", "America/Sao_Paulo", "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore",
    "Asia/Hong_Kong", "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip
"""Offered by the form; any other zone of the IANA database is taken too."""


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name. ValueError for another."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError("a time zone of the IANA database is needed, for example Europe/Paris") from None


def _zone(name: str) -> str:
    zone_of(name)
    return name


def _columns(text: str) -> str:
    if unknown := set(text.split(",")) - COLUMNS.keys():
        raise ValueError(f"{len(unknown)} of the columns cannot be shown; known are {', '.join(COLUMNS)}")
    return text


def _preset(text: str) -> str:
    if text not in PRESETS:
        raise ValueError(f"one of {', '.join(PRESETS)} is needed")
    return text


class RecordQuery(Closed):
    """How one record is shown."""

    zone: Annotated[Text, AfterValidator(_zone)] = "UTC"
    tenant_id: TenantId = None


class ViewQuery(ListQuery):
    """Filters of the list, which page of it, and how it is shown.

    last: a window that ends now, in place of start_time. cursor: next_cursor of the page that shows older records, or,
    with newer=true, previous_cursor of the page that shows newer ones.
    """

    last: Annotated[Text, AfterValidator(_preset)] | None = None
    zone: Annotated[Text, AfterValidator(_zone)] = "UTC"
    columns: Annotated[Text, AfterValidator(_columns)] | None = None
    newer: TrueOrFalse = False

    def fixed(self) -> "ViewQuery":
        """Return the query with the start of its window as a time: pages that follow are of the same list."""
        if self.last is None:
            return self
        if self.start_time is not None:
            raise InvalidRequest.field("last", "a window has one start: last or start_time")
        return self.model_copy(update={"last": None, "start_time": _now() - _SPANS[self.last]})

    def filters(self) -> dict[str, Any]:
        """Return the filters that are set, by the names of the API, times in UTC."""
        shown = self.model_dump(by_alias=True, exclude_none=True, exclude=_DISPLAY)
        return {name: _text(value) for name, value in shown.items()}

    def address(self, **changed: str | None) -> str:
        """Return the query string of the same list shown in the same way, but for these; None leaves one out."""
        kept = self.filters()
        if self.last:
            kept["last"] = self.last
        if self.zone != "UTC":
            kept["zone"] = self.zone
        if self.columns:
            kept["columns"] = self.columns
        if self.order == "asc":
            kept["order"] = "asc"
        if self.limit != ViewQuery.model_fields["limit"].default:
            kept["limit"] = str(self.limit)
        return urlencode({name: value for name, value in {**kept, **changed}.items() if value is not None})

    def unchanged(self) -> dict[str, str]:
        """Return what the form keeps by itself: how the list is shown, and the exact times behind its fields.

        A field for a time has whole seconds and no zone. Left as it was, it stands for the time that it was made of.
        """
        kept = {"last": self.last, "order": "asc" if self.order == "asc" else None}
        if self.limit != ViewQuery.model_fields["limit"].default:
            kept["limit"] = str(self.limit)
        for field, moment in (("from", self.start_time), ("to", self.end_time)):
            if moment:
                kept |= {_NAMES[field]: _text(moment), f"{field}_before": local_time(moment, self.zone)}
        return {name: value for name, value in kept.items() if value is not None}

    def export_filters(self) -> str:
        """Return the filters for the address of an export, ready for one more parameter."""
        filters = self.filters() | ({"order": "asc"} if self.order == "asc" else {})
        return f"{urlencode(filters)}&" if filters else ""

    def as_list_query(self) -> ListQuery:
        """Return what the store is asked for: records before a cursor are read in the other order."""
        asked = self.model_dump(by_alias=True, exclude_none=True, exclude={"last", "zone", "columns", "newer", "order"})
        order = {"asc": "desc", "desc": "asc"}.get(self.order, self.order) if self.newer else self.order
        return ListQuery.model_validate({**asked, "order": order})


_DISPLAY = {"order", "limit", "cursor", "consistency", "tenant_id", "last", "zone", "columns", "newer"}


_NAMES = {"from": "start_time", "to": "end_time"}
"""The form's fields for local times, and what they stand for."""


def local_time(moment: datetime | None, zone: str) -> str:
    """Return a time as <input type="datetime-local"> has it; empty for none."""
    return moment.astimezone(zone_of(zone)).replace(tzinfo=None).isoformat(timespec="seconds") if moment else ""


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _text(value: Any) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def form_to_query(given: Mapping[str, str]) -> str | None:
    """Return the query string that a form's fields stand for; None where they are one already.

    from, to: local times without a zone, of an <input type="datetime-local">; from_before, to_before: what the fields
    held before, for the start_time and end_time beside them. column.NAME: a column that is ticked.
    Blanks around what was typed into a form are not meant; in an address they are, since ids may begin with one.
    Raises InvalidRequest.
    """
    is_form = not given.keys().isdisjoint(("from", "to"))
    typed = {name: value.strip() if is_form else value for name, value in given.items()}
    found = {name: value for name, value in typed.items() if value}
    columns = [name.removeprefix("column.") for name in found if name.startswith("column.")]
    local = {field: found.pop(field, "") for field in _NAMES}
    before = {field: found.pop(f"{field}_before", "") for field in _NAMES}
    if found == given and not columns:
        return None
    for column in columns:
        del found[f"column.{column}"]
    if columns:
        found["columns"] = ",".join(columns)
    for field, name in _NAMES.items():
        if is_form and local[field] != before[field]:
            found.pop(name, None)
            found.pop("last", None)
            if local[field]:
                found[name] = _instant(field, local[field], found.get("zone", "UTC"))
    if found.get("zone") == "UTC":
        del found["zone"]
    return urlencode(found)


def _instant(field: str, local: str, zone: str) -> str:
    try:
        moment = datetime.fromisoformat(local)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone_of(zone))
        return _text(moment)
    except (ValueError, OverflowError):
        raise InvalidRequest.field(field, f"a date and time, and a zone that is known: {zone}") from None
