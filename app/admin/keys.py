"""Commands about tenants, their API keys, the secret of the proofs, and what was done."""

import argparse
import json
from datetime import timedelta

from app import terminal
from app.admin.commands import Answer, Commands, duration, instant
from app.command import Row

_EVENT_COLUMNS = ("created_at", "act", "tenant_id", "api_key_id", "actor", "detail")


def add_to(commands: Commands) -> None:
    """Add these commands."""
    create = commands.add(
        "create-tenant",
        "SELECT audit.create_tenant(p_id => %(tenant)s, p_name => %(name)s) AS tenant",
        "register a tenant",
    )
    create.add_argument("tenant")
    create.add_argument("--name", help="for people")

    commands.add("list-tenants", "SELECT id, name, created_at FROM audit.list_tenants()", "list the tenants")
    _add_keys(commands)
    commands.add(
        "rotate-secret",
        "SELECT audit.rotate_proof_secret() AS secret",
        "replace the secret that proofs are made with, without an outage",
        say=lambda rows: Answer(
            f"proof secret {rows[0]['secret']} is in use; the one before still checks for 30 seconds"
        ),
    )
    _add_events(commands)


def _add_keys(commands: Commands) -> None:
    issue = commands.add(
        "issue-key",
        "SELECT audit.issue_api_key(p_tenant_id => %(tenant)s, p_label => %(label)s, p_scopes => %(scopes)s,"
        " p_expires_at => now() + %(expires_in)s::interval) AS api_key",
        "issue an API key, and show it once",
        say=_say_key,
        shown_once="key",
    )
    issue.add_argument("tenant")
    issue.add_argument("--label", required=True, help="where the key will be used")
    issue.add_argument(
        "--scopes", type=_scopes, default="read,write", help="of read, write and import (default: read,write)"
    )
    issue.add_argument("--expires-in", type=_lifetime, metavar="DURATION", help="for example 90d (default: never)")

    keys = commands.add(
        "list-keys",
        "SELECT id, tenant_id, label, scopes, status, created_at, expires_at, revoked_at, last_used_at, restriction"
        " FROM audit.list_api_keys(p_tenant_id => %(tenant)s)",
        "list the API keys, without their secrets",
    )
    keys.add_argument("--tenant")

    rotate = commands.add(
        "rotate-key",
        "SELECT audit.rotate_api_key(p_id => %(id)s, p_overlap => %(overlap)s) AS api_key",
        "replace a key; both are valid for a while",
        say=_say_key,
        shown_once="key",
    )
    rotate.add_argument("id", help="the public part, between the two underscores")
    rotate.add_argument(
        "--overlap",
        type=duration,
        default=timedelta(hours=24),
        metavar="DURATION",
        help="how long the old key stays valid; 0s ends it at once (default: 24h)",
    )

    revoke = commands.add(
        "revoke-key",
        "SELECT audit.revoke_api_key(p_id => %(id)s)",
        "end a key for good",
        say=lambda _: Answer("revoked"),
        say_json=lambda _: Answer("[]"),
    )
    revoke.add_argument("id")


def _add_events(commands: Commands) -> None:
    events = commands.add(
        "list-events",
        "SELECT audit.list_all_admin_events(p_tenant_id => %(tenant)s, p_act => %(act)s, p_api_key_id => %(key)s,"
        " p_start_time => %(since)s, p_end_time => %(until)s, p_limit => %(limit)s::int, p_cursor => %(cursor)s)"
        " AS page",
        "list what was done, newest first",
        say=_say_events,
        say_json=lambda rows: Answer(json.dumps(json.loads(rows[0]["page"]))),
    )
    events.add_argument("--tenant", help="to this tenant (default: to all, and what concerns none alone)")
    events.add_argument("--key", metavar="ID", help="to this API key, or with it; its public part")
    events.add_argument("--act", help="for example 'api key issued'")
    events.add_argument("--since", type=instant, metavar="TIME", help="from this time on, with a zone")
    events.add_argument("--until", type=instant, metavar="TIME", help="before this time, with a zone")
    events.add_argument("--limit", type=int, default=50, metavar="N", help="1 to 1000 (default: 50)")
    events.add_argument("--cursor", help="what the page before ended with")


def _say_key(rows: list[Row]) -> Answer:
    return Answer(rows[0]["api_key"], "Keep it now: it is not shown again.")


def _say_events(rows: list[Row]) -> Answer:
    page = json.loads(rows[0]["page"])
    items = [{name: item[name] for name in _EVENT_COLUMNS} for item in page["items"]]
    more = f"There are more: --cursor {page['next_cursor']}" if page["has_more"] else None
    return Answer(terminal.table(items), more)


def _lifetime(text: str) -> timedelta:
    # Zero is not "never", and nobody can use a key that has expired already.
    if not (found := duration(text)):
        raise argparse.ArgumentTypeError("more than zero, for example 90d; leave it out for a key that never expires")
    return found


def _scopes(text: str) -> list[str]:
    return [scope.strip() for scope in text.split(",")]
