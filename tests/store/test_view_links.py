"""A view link opens one key, whoever comes at the same time; and what the service does with one."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import Connection
from pydantic import SecretStr

from app.model.credential import ApiKey
from app.model.refusals import RingfenceError, StorageUnavailable, Unauthenticated, ViewLinksUnavailable
from tests.conftest import Serve, TestDatabase
from tests.support.bank import Bank
from tests.support.inside import run_inside, state_of
from tests.support.polling import eventually
from tests.support.view_links import issue_view_link

OPEN = "SELECT audit.open_view_link(%s)"
WAITING = "SELECT EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND l.pid = %s)"
MADE_UP = f"rfl_{'0' * 16}_{'0' * 64}"


@pytest.fixture
def sessions(database: TestDatabase) -> Any:
    """Two sessions of the service."""
    with psycopg.connect(database.url("audit_app")) as first, psycopg.connect(database.url("audit_app")) as second:
        yield first, second


def opened(connection: Connection[Any], token: str) -> list[tuple[Any, ...]]:
    """Open a link, and commit."""
    found = connection.execute(OPEN, [token]).fetchall()
    connection.commit()
    return found


def keys_of_links(database: TestDatabase) -> list[tuple[Any, ...]]:
    return database.execute("SELECT k.id FROM audit.api_keys AS k JOIN audit.view_links AS l ON l.api_key_id = k.id")


def acts(database: TestDatabase) -> list[str]:
    return [act for (act,) in database.execute("SELECT act FROM audit.admin_events WHERE act LIKE 'view%' ORDER BY id")]


@pytest.mark.parametrize("ends", ["commits", "rolls back"])
def test_of_two_who_come_at_once_the_second_waits_and_one_gets_the_key(
    database: TestDatabase, sessions: tuple[Connection[Any], Connection[Any]], ends: str
) -> None:
    first, second = sessions
    token = issue_view_link(database, "acme", agent_id="agent")
    with ThreadPoolExecutor() as pool:
        assert len(first.execute(OPEN, [token]).fetchall()) == 1
        waits = pool.submit(opened, second, token)
        eventually(lambda: database.execute(WAITING, second.info.backend_pid) == [(True,)])
        if ends == "commits":
            first.commit()
        else:
            first.rollback()
        found = waits.result()

    assert len(found) == (0 if ends == "commits" else 1)
    ((keys,),) = database.execute("SELECT count(*) FROM audit.api_keys")
    assert keys == len(keys_of_links(database)) == 1
    assert acts(database) == ["view link issued", "view link opened", *(["view link refused"] * (ends == "commits"))]


def test_a_link_is_revoked_or_opened_and_never_both(
    database: TestDatabase, sessions: tuple[Connection[Any], Connection[Any]]
) -> None:
    first, _ = sessions
    token = issue_view_link(database, "acme")
    revoke = "SELECT audit.revoke_view_link(%s)"
    with (
        ThreadPoolExecutor() as pool,
        psycopg.connect(database.url("postgres")) as administrator,
        pytest.raises(psycopg.Error, match="no link of this id is left to revoke"),
    ):
        assert len(first.execute(OPEN, [token]).fetchall()) == 1
        revoking = pool.submit(administrator.execute, revoke, [token.split("_")[1]])
        eventually(lambda: database.execute(WAITING, administrator.info.backend_pid) == [(True,)])
        first.commit()
        revoking.result()
    assert len(keys_of_links(database)) == 1


@pytest.fixture
def keyed(serve: Serve, database: TestDatabase) -> TestClient:
    """The service as audit_app, a member of audit_keyed."""
    return serve(database_url=SecretStr(database.url("audit_app")))


def open_in(client: TestClient, token: str) -> Any:
    """Open a link as the page in a browser does."""
    return run_inside(client, state_of(client).audit_logger.open_view_link, token)


def test_many_callers_of_the_service_get_one_key(keyed: TestClient, database: TestDatabase) -> None:
    token = issue_view_link(database, "acme", agent_id="agent")
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: open_in(keyed, token), range(12)))

    (key,) = [each for each in found if each is not None]
    assert database.execute("SELECT refused FROM audit.view_links") == [(11,)]
    assert acts(database) == ["view link issued", "view link opened", "view link refused"]
    caller = run_inside(keyed, state_of(keyed).audit_logger.identify, ApiKey(key, None), "127.0.0.1")
    assert (caller.tenant_id, caller.scopes, caller.restriction) == ("acme", {"read"}, {"agent_id": "agent"})
    assert caller.expires_at is not None


@pytest.mark.parametrize("token", [MADE_UP, "", "rfl_", "x" * 85, "\u00e9" * 85, "\ud800", "a\0b", MADE_UP + "0"])
def test_a_token_that_is_none_is_refused_and_leaves_nothing(
    keyed: TestClient, database: TestDatabase, token: str
) -> None:
    with pytest.raises(RingfenceError) as refused:
        open_in(keyed, token)

    assert isinstance(refused.value, Unauthenticated) or token in ("\ud800", "a\0b")
    assert not isinstance(refused.value, StorageUnavailable)
    assert database.execute("SELECT act FROM audit.admin_events WHERE act LIKE 'view%'") == []


def test_a_key_that_shows_the_whole_says_so(keyed: TestClient, database: TestDatabase) -> None:
    key = ApiKey(open_in(keyed, issue_view_link(database, "acme")), None)
    caller = run_inside(keyed, state_of(keyed).audit_logger.identify, key, "127.0.0.1")
    assert caller.restriction is None


def test_where_tenants_are_named_and_on_a_file_there_are_no_links(
    serve: Serve, serve_file: Serve, database: TestDatabase
) -> None:
    token = issue_view_link(database, "acme")
    for client in (serve(), serve_file()):
        with pytest.raises(ViewLinksUnavailable):
            open_in(client, token)
    assert database.execute("SELECT opened_at, refused FROM audit.view_links") == [(None, 0)]


def test_beside_a_spool_a_link_is_opened_by_the_database_alone(bank: Bank, database: TestDatabase) -> None:
    client = bank.client
    token = issue_view_link(database, "acme", agent_id="agent")
    database.go_down()
    with pytest.raises(StorageUnavailable):
        open_in(client, token)
    database.come_up()
    key = eventually(lambda: _retried(client, token))
    # A key that writes nothing is in no worker's notes: none of them could say what it shows.
    known = state_of(client).audit_logger._known
    run_inside(client, state_of(client).audit_logger.identify, ApiKey(key, None), "127.0.0.1")
    assert any(each.caller.restriction for each in known.accepted())
    table = state_of(client).audit_logger._known_table
    run_inside(client, table.write, "api_key", known.accepted())
    _, restored = run_inside(client, table.read)
    assert all(each.caller.restriction is None and each.caller.scopes != {"read"} for each in restored)


def _retried(client: TestClient, token: str) -> Any:
    try:
        return open_in(client, token)
    except StorageUnavailable:
        return None
