"""Middleware of FastMCP servers: each call of a tool is an execution."""

from collections.abc import Callable
from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

from ringfence._async_client import AsyncClient
from ringfence._records import Mode

User = Callable[[MiddlewareContext[Any]], "str | None"]


class RingfenceMiddleware(Middleware):
    """Records `started` before a tool is called, and its outcome afterwards. Arguments and results are not recorded.

    A call that cannot be recorded is not made: the caller gets an error.
    """

    def __init__(self, audit: AsyncClient, agent: str, *, user: User | None = None, mode: Mode = "LIVE") -> None:
        """agent: the server's name in the trail. user: says on whose behalf a call is made, from its context."""
        self._audit = audit
        self._agent = agent
        self._user = user
        self._mode: Mode = mode

    async def on_call_tool(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """Call the tool inside an execution."""
        about = {"gen_ai.tool.name": context.message.name[:256]}
        user = self._user(context) if self._user else None
        async with self._audit.execution(self._agent, user=user, mode=self._mode, context=about) as e:
            result = await call_next(context)
            if getattr(result, "is_error", False):
                e.fail("the tool answered with an error")
            return result
