"""The backends of the service, each kept for many tests."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from app.main import create_app
from app.settings import Settings

with warnings.catch_warnings():
    # Starlette would rather have httpx2 than the httpx that the service itself uses.
    warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient` is deprecated")
    from fastapi.testclient import TestClient


class ProvingClient(TestClient):
    """A client that proves the tenant which a request names in X-Tenant-ID with that tenant's API key."""

    api_keys: dict[str, str]

    def request(self, method: str, url: Any, **arguments: Any) -> Any:
        """Send one request, with the key of the tenant it names, or one that was never issued."""
        headers = httpx.Headers(arguments.get("headers"))
        if (named := headers.get_list("x-tenant-id")) and "authorization" not in headers:
            made_up = f"rf_{'0' * 16}_{'0' * 64}"
            given = list(headers.multi_items())
            arguments["headers"] = [*given, ("Authorization", f"Bearer {self.api_keys.get(named[0], made_up)}")]
        return super().request(method, url, **arguments)


@dataclass(frozen=True)
class Store:
    """One backend, kept for many tests.

    settings: those of a service on it; empty: delete every record; api_keys: by tenant, where tenants must be proven.
    """

    settings: dict[str, Any]
    empty: Callable[[], object]
    api_keys: dict[str, str]

    def client(self, **settings: Any) -> TestClient:
        """Return a client of a service on this backend that can speak for acme and globex."""
        app = create_app(Settings(**{"spool": False} | self.settings | settings))
        if not self.api_keys:
            return TestClient(app, raise_server_exceptions=False)
        client = ProvingClient(app, raise_server_exceptions=False)
        client.api_keys = self.api_keys
        return client
