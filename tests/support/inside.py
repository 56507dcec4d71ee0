"""The objects inside a running service, for tests of what no request can do."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from fastapi.testclient import TestClient


def state_of(client: TestClient) -> Any:
    """Return what the application keeps: its store, its executions."""
    return SimpleNamespace(**client.app_state)


def database_of(client: TestClient) -> Any:
    """Return the service's side of its database."""
    return state_of(client).audit_logger._database


def pool_of(client: TestClient) -> Any:
    """Return the pool of the service's connections."""
    return database_of(client)._pool


def run_inside(client: TestClient, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a coroutine function on the service's event loop, and return its result."""
    assert client.portal
    return client.portal.call(function, *arguments)
