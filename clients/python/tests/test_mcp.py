"""docs/mcp.md: the middleware, in a FastMCP server that a FastMCP client calls."""

from collections.abc import AsyncIterator
from pathlib import Path

import fastmcp
import pytest
from conftest import Service, Tenant
from fastmcp.exceptions import ToolError

import ringfence
from ringfence.integrations.mcp_middleware import RingfenceMiddleware

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def audit(service: Service, tenant: Tenant, spool: Path) -> AsyncIterator[ringfence.AsyncClient]:
    async with ringfence.AsyncClient(service.url, tenant.key, spool=spool) as client:
        yield client


def server_with(middleware: RingfenceMiddleware, called: list[str]) -> fastmcp.FastMCP:
    server: fastmcp.FastMCP = fastmcp.FastMCP("bank")
    server.add_middleware(middleware)

    @server.tool
    def balance(account: str) -> int:
        called.append(account)
        if account == "unknown":
            raise ToolError("no account of jane")
        return 1200

    return server


async def test_each_call_of_a_tool_is_recorded(audit: ringfence.AsyncClient, tenant: Tenant) -> None:
    called: list[str] = []
    server = server_with(RingfenceMiddleware(audit, "bank-tools", user=lambda _: "jane"), called)
    async with fastmcp.Client(server) as client:
        await client.list_tools()
        assert (await client.call_tool("balance", {"account": "4711"})).data == 1200
        with pytest.raises(ToolError):
            await client.call_tool("balance", {"account": "unknown"})

    assert called == ["4711", "unknown"]
    rows = tenant.records("agent_id, status, user_id, context->>'gen_ai.tool.name', error")
    assert [row[:4] for row in rows] == [
        ("bank-tools", status, "jane", "balance") for status in ("started", "success", "started", "error")
    ]
    assert "jane" not in str(rows[3][4])


async def test_a_tool_is_not_called_unrecorded(service: Service, tenant: Tenant) -> None:
    called: list[str] = []
    service.kill()
    async with (
        ringfence.AsyncClient(service.url, tenant.key, spool=False) as audit,
        fastmcp.Client(server_with(RingfenceMiddleware(audit, "bank-tools"), called)) as client,
    ):
        with pytest.raises(Exception):  # noqa: B017  as the server words it
            await client.call_tool("balance", {"account": "4711"})

    assert called == []
