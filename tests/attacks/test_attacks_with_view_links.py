"""A view link opens one key, whatever a session of the service does before and meanwhile."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support.attacker import Attack, attacking
from tests.support.view_links import issue_view_link


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def test_a_token_opens_once_whatever_else_the_session_does(attack: Attack, database: TestDatabase) -> None:
    token = issue_view_link(database, "acme", agent_id="shown")
    session = attack.session()
    opened = session.execute("SELECT audit.open_view_link(%s)", [token]).fetchall()
    assert len(opened) == 1
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        with session.transaction():
            session.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
            assert session.execute("SELECT audit.open_view_link(%s)", [token]).fetchall() == []
    # A snapshot from before the opening is no way around it.
    token = issue_view_link(database, "acme", agent_id="shown")
    late = attack.session()
    with pytest.raises(psycopg.errors.SerializationFailure), late.transaction():
        late.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        late.execute("SELECT 1")
        assert len(session.execute("SELECT audit.open_view_link(%s)", [token]).fetchall()) == 1
        late.execute("SELECT audit.open_view_link(%s)", [token])
    ((keys,),) = database.execute("SELECT count(*) FROM audit.api_keys WHERE label = 'auditor'")
    assert keys == 2
