"""The methods that a path answers, for `Allow`."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope


def allowed_methods(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """Return the methods of every route that has the path in `scope`, HEAD beside GET. What is mounted is files."""
    allowed: set[str] = set()
    # The whole path, also when something that is mounted has taken the first part of it.
    scope = {**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}
    for route in routes:
        if route.matches(scope)[0] is not Match.NONE:
            allowed |= {*(route.methods or ()), "OPTIONS"} if isinstance(route, Route) else {"GET"}
    return ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
