"""Commands about view links, each of which opens one API key for reading, once: for an auditor with a browser."""

import argparse
import json
from datetime import timedelta
from urllib.parse import urlsplit

from psycopg import Connection

from app import terminal, user_id
from app.admin.commands import Answer, Commands, duration, instant
from app.command import Row

_RESTRICTION = ("agent_id", "trace_id", "user_id", "mode", "status", "start_time", "end_time")


def add_to(commands: Commands) -> None:
    """Add these commands."""
    _add_issue(commands)
    links = commands.add(
        "list-view-links",
        "SELECT id, tenant_id, label, status, restriction, created_at, expires_at, key_seconds, opened_at, api_key_id,"
        " revoked_at, refused FROM audit.list_view_links(p_tenant_id => %(tenant)s)",
        "list the view links, without their secrets, and the keys that they opened",
    )
    links.add_argument("--tenant")

    revoke = commands.add(
        "revoke-view-link",
        "SELECT audit.revoke_view_link(p_id => %(id)s)",
        "end a link that was not opened; the key of one that was is for revoke-key",
        say=lambda _: Answer("revoked"),
        say_json=lambda _: Answer("[]"),
    )
    revoke.add_argument("id", help="the public part, between the two underscores")


def _add_issue(commands: Commands) -> None:
    issue = commands.add(
        "issue-view-link",
        "SELECT %(url)s AS url, token FROM audit.issue_view_link(p_tenant_id => %(tenant)s, p_label => %(label)s,"
        " p_expires_at => now() + %(link_expires_in)s::interval, p_key_seconds => %(key_seconds)s::int,"
        " p_restriction => %(restriction)s::json) AS token",
        "issue a link that opens a key for reading, once, and show it once",
        say=lambda rows: Answer(_link(rows), "Keep it now: it is not shown again, and it works once."),
        say_json=lambda rows: Answer(terminal.as_json([{"link": _link(rows)}])),
        prepare=_restrict,
        shown_once="view link",
    )
    issue.add_argument("--tenant", required=True)
    issue.add_argument("--label", default="auditor", help="whom it is for; name no person (default: auditor)")
    issue.add_argument(
        "--link-expires-in", type=_life, default=timedelta(days=7), metavar="DURATION",
        help="how long it waits to be opened (default: 7d)",
    )  # fmt: skip
    issue.add_argument(
        "--expires-in", type=_life, default=timedelta(hours=8), metavar="DURATION",
        help="how long the key lives that it opens, at most 12h (default: 8h)",
    )  # fmt: skip
    issue.add_argument("--url", type=_base, help="where the service is, for example https://audit.example")
    shown = issue.add_argument_group("what the key shows: records that match all that is given (default: all)")
    shown.add_argument("--agent-id")
    shown.add_argument("--trace-id")
    shown.add_argument(
        "--user-file", dest="user_id", type=user_id.of_file, metavar="FILE",
        help="of the user whose id is in this file; an argument would be shown by ps",
    )  # fmt: skip
    shown.add_argument("--mode", choices=("DRY_RUN", "LIVE"))
    shown.add_argument("--status", choices=("started", "success", "error", "denied"))
    shown.add_argument("--start-time", type=instant, metavar="TIME", help="created from this time on, with a zone")
    shown.add_argument("--end-time", type=instant, metavar="TIME", help="created before this time, with a zone")


def _restrict(_: Connection[Row], arguments: argparse.Namespace) -> None:
    given = vars(arguments)
    restriction = {name: given[name] for name in _RESTRICTION if given[name] is not None}
    text = json.dumps(restriction, default=lambda time: time.isoformat())
    given["restriction"] = text if restriction else None  # none: the whole tenant
    given["key_seconds"] = int(arguments.expires_in.total_seconds())


def _link(rows: list[Row]) -> str:
    return f"{rows[0]['url'] or ''}/view/open/{rows[0]['token']}"


def _life(text: str) -> timedelta:
    if not (found := duration(text)):
        raise argparse.ArgumentTypeError("more than zero, for example 8h")
    return found


def _base(text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise argparse.ArgumentTypeError("where the service is, for example https://audit.example")
    return text.rstrip("/")
