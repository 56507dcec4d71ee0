"""Events as the database makes them of records, and the published schemas to check them with."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.events import Event, event_of

EPOCH, LEAF_INDEX, LEAF_HASH = 2, 2**40, bytes(range(32))

MakeEvent = Callable[[str, dict[str, Any]], Event]


def validator(name: str) -> jsonschema_rs.Draft7Validator:
    """Return a validator of one of the schemas, which looks at formats too."""
    schema = json.loads((Path(__file__).parent / "schemas" / name).read_text())
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True)


def faults(schema: jsonschema_rs.Draft7Validator, event: Event) -> list[str]:
    """Return what is wrong with an event, with the place of each fault."""
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in schema.iter_errors(event)]


@pytest.fixture
def make_event(database: TestDatabase) -> Iterator[MakeEvent]:
    """Returns a function of a format's name and a record, with None for what it does not say."""
    with psycopg.connect(database.url(), autocommit=True) as gateway:
        yield lambda function, record: event_of(gateway, function, record, EPOCH, LEAF_INDEX, LEAF_HASH)


@pytest.fixture(params=["api_key", "header"])
def client(request: pytest.FixtureRequest, database: TestDatabase, serve: Serve) -> TestClient:
    """A service that proves tenants, with keys of acme and globex in headers(), and one that takes their names."""
    if request.param == "header":
        client = serve()
        client.keys = {}
        return client
    client = serve(database_url=SecretStr(database.url("audit_app")))
    client.keys = {tenant: database.issue_api_key(tenant) for tenant in ("acme", "globex")}
    return client
