"""Notices callers that hang up before they are answered."""

from starlette.types import Receive


async def disconnected(receive: Receive) -> None:
    """Return once the caller has hung up. receive: of a request whose body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
