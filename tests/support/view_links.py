"""View links of a test database, and the restricted keys that they open."""

import json

from tests.support.database import TestDatabase


def issue_view_link(database: TestDatabase, tenant: str, **restriction: str) -> str:
    """Issue a link that waits for an hour and opens a key for an hour; return its token."""
    ((token,),) = database.execute(
        "SELECT audit.issue_view_link(%s, 'auditor', clock_timestamp() + interval '1 hour', 3600, %s)",
        tenant,
        json.dumps(restriction) if restriction else None,
    )
    return str(token)


def restricted_key(database: TestDatabase, tenant: str, **restriction: str) -> str:
    """Return a key that shows a part of a tenant."""
    ((key,),) = database.execute("SELECT audit.open_view_link(%s)", issue_view_link(database, tenant, **restriction))
    return str(key)
