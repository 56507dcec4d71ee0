"""The application's state as routers see it: made by the lifespan (app/main.py), read as `request.state[...]`."""

from starlette.requests import Request

from app.http.state import EdgeState
from app.services.audit_logger import AuditLogger
from app.services.executions import Executions
from app.services.exports import Exports
from app.services.feed import Feeds
from app.services.intake import BulkIntake


class State(EdgeState):
    """Every service that a router calls."""

    audit_logger: AuditLogger
    bulk_intake: BulkIntake
    executions: Executions
    exports: Exports
    feeds: Feeds


class AppRequest(Request[State]):
    """A request with this state. A class, since FastAPI does not take the alias `Request[State]` in a signature."""
