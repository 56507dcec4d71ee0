"""Notices callers that hang up before they are answered."""

import asyncio

from starlette.types import Receive


async def disconnected(receive: Receive) -> None:
    """Return once the caller has hung up. receive: of a request that has no body, or whose body has been read.

    Of a request that has one all the same, nothing more is read, and this never returns: read on, it would come as fast
    as it can be sent, for as long as the answer takes.
    """
    while (message := await receive())["type"] != "http.disconnect":
        if message.get("body") or message.get("more_body"):
            await asyncio.get_running_loop().create_future()
