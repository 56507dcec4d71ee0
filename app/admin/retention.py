"""Commands about how long records are kept, legal holds, and tenants that leave."""

import argparse
from uuid import UUID

from psycopg import Connection

from app import terminal, user_id
from app.admin.commands import Answer, Commands, instant
from app.command import Refused, Row

_MAX_DAYS = 36_500
_UNCHANGED = 0
"""Stands for a term that was not given: no term has this length."""
_DONE = {True: "yes", False: "no", None: "begun"}
"""A step of a tenant that leaves. Begun: the database cannot know how it ended, and its detail says what to verify."""


def add_to(commands: Commands) -> None:
    """Add these commands."""
    _add_terms(commands)
    _add_holds(commands)
    offboard = commands.add(
        "offboard",
        "SELECT step, is_done, detail FROM audit.offboarding(p_tenant_id => %(tenant)s)",
        "say what is left to do for a tenant that leaves; status 1 while something is",
        say=_say_steps,
        say_json=lambda rows: Answer(terminal.as_json(rows), status=_status_of(rows)),
    )
    offboard.add_argument("tenant")


def _add_terms(commands: Commands) -> None:
    set_terms = commands.add(
        "set-retention",
        "SELECT audit.set_retention(p_tenant_id => %(tenant)s, p_live_days => %(live_days)s::int,"
        " p_dry_run_days => %(dry_run_days)s::int)",
        "say how many days a tenant's records are kept, from their created_at",
        say=lambda _: Answer("set"),
        say_json=lambda _: Answer("[]"),
        prepare=_keep_other_term,
    )
    set_terms.add_argument("tenant")
    for option, of in (("--live-days", "of LIVE records, and of those without a mode"), ("--dry-run-days", "DRY_RUN")):
        set_terms.add_argument(
            option, type=_days, default=_UNCHANGED, metavar="N|forever", help=f"{of} (default: as it is)"
        )

    commands.add(
        "list-retention",
        "SELECT tenant_id, live_days, dry_run_days, set_at, pruned_at FROM audit.list_retention()",
        "list the terms of the tenants; a term of - is for ever",
    )


def _add_holds(commands: Commands) -> None:
    place = commands.add(
        "place-hold",
        "SELECT audit.place_hold(p_tenant_id => %(tenant)s, p_reason => %(reason)s, p_reference => %(reference)s,"
        " p_user_id => %(user)s, p_agent_id => %(agent)s, p_trace_id => %(trace)s, p_start_time => %(since)s,"
        " p_end_time => %(until)s) AS hold",
        "keep the records that match all that is given from being pruned and erased",
        say=lambda rows: Answer(str(rows[0]["hold"])),
    )
    place.add_argument("tenant")
    place.add_argument("--reason", required=True, help="why; name no person")
    place.add_argument("--reference", required=True, help="the case, by which others find it; name no person")
    place.add_argument(
        "--user-file", dest="user", type=user_id.of_file, metavar="FILE",
        help="of the user whose id is in this file; an argument would be shown by ps",
    )  # fmt: skip
    place.add_argument("--agent", help="of this agent")
    place.add_argument("--trace", help="of this trace")
    place.add_argument("--since", type=instant, metavar="TIME", help="created from this time on, with a zone")
    place.add_argument("--until", type=instant, metavar="TIME", help="created before this time, with a zone")

    holds = commands.add(
        "list-holds",
        "SELECT id, tenant_id, status, user_id, agent_id, trace_id, start_time, end_time, reason, reference, placed_by,"
        " placed_at, release_asked_by, release_asked_at, released_by, released_at, release_reason"
        " FROM audit.list_holds(p_tenant_id => %(tenant)s)",
        "list the legal holds, those that were released among them",
    )
    holds.add_argument("--tenant")

    release = commands.add(
        "release-hold",
        "SELECT audit.release_hold(p_id => %(id)s, p_reason => %(reason)s) AS outcome",
        "end a hold, or ask for its end where that takes two logins",
        say=_say_release,
    )
    release.add_argument("id", type=_uuid)
    release.add_argument("--reason", required=True, help="why; name no person")

    confirm = commands.add(
        "confirm-release",
        "SELECT audit.confirm_release(p_id => %(id)s)",
        "end a hold for whose release another login has asked",
        say=lambda _: Answer("released"),
        say_json=lambda _: Answer("[]"),
    )
    confirm.add_argument("id", type=_uuid)


def _keep_other_term(connection: Connection[Row], arguments: argparse.Namespace) -> None:
    """Put the tenant's present term where none was given."""
    given = vars(arguments)
    left_out = [name for name in ("live_days", "dry_run_days") if given[name] == _UNCHANGED]
    if not left_out:
        return
    if len(left_out) == 2:
        raise Refused("nothing was set: give --live-days, --dry-run-days, or both")
    rows = connection.execute("SELECT tenant_id, live_days, dry_run_days FROM audit.list_retention()").fetchall()
    found = next((row for row in rows if row["tenant_id"] == arguments.tenant), None)
    for name in left_out:
        given[name] = found[name] if found else None


def _say_release(rows: list[Row]) -> Answer:
    outcome = rows[0]["outcome"]
    if outcome == "released":
        return Answer(outcome)
    return Answer(outcome, "The hold stays until another login confirms it: confirm-release.")


def _say_steps(rows: list[Row]) -> Answer:
    steps = [{"step": row["step"], "done": _DONE[row["is_done"]], "detail": row["detail"]} for row in rows]
    return Answer(terminal.table(steps), status=_status_of(rows))


def _status_of(rows: list[Row]) -> int:
    return 0 if all(row["is_done"] is not False for row in rows) else 1


def _days(text: str) -> int | None:
    if text == "forever":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= _MAX_DAYS):
        raise argparse.ArgumentTypeError(f"a number of days from 1 to {_MAX_DAYS}, or forever")
    return int(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError("the id that list-holds shows") from None
