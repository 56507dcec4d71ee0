"""The service: `create_app()` puts settings, store, routes and error handlers together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.http.load_shedding import MAX_HELD_BODY_BYTES
from app.http.middleware import LastResortMiddleware, MetricsMiddleware, TraceMiddleware
from app.http.openapi import DESCRIPTION, TAGS, complete_document
from app.http.problems import install_error_handlers
from app.routers import agents_router, audit_router, docs_router, health_router, metrics_router, records_router
from app.services.agents import AgentClient, load_agents
from app.services.audit_logger import AuditLogger
from app.services.concurrency.limiter import Limiter, Shares
from app.services.db import Database
from app.services.executions import Executions
from app.services.exports import Exports
from app.services.health import sample
from app.services.intake import BulkIntake
from app.services.jsonl.store import FileAuditLogger
from app.services.postgres.store import DatabaseAuditLogger
from app.services.spool.queue import Spool
from app.services.spool.store import SpoolingAuditLogger
from app.services.temporary_files import warn_without_temporary_files
from app.settings import Settings
from app.shutdown import Shutdown

_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Tenant-ID", "X-Trace-ID", "traceparent")
# Not included one router after another: an included router looks for the route twice, and after those of the documents.
_ROUTES = [
    *agents_router.router.routes,
    *audit_router.router.routes,
    *records_router.router.routes,
    *health_router.router.routes,
    *metrics_router.router.routes,
    *docs_router.router.routes,
]

_NAMES_REFUSED = (
    "the database role may name any tenant, so anyone who reaches this service could act as any tenant: connect as a"
    " member of audit_keyed, or set TRUST_TENANT_HEADER=true behind a gateway that sets X-Tenant-ID itself"
)

# FastAPI's own spans would hold query strings, and so users' names; and each request would ask who wants spans.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; without `settings` they come from the environment.

    The store is opened when the application starts, which raises RefusedToServe when it may not be served.
    """
    settings = settings or Settings()
    agents = load_agents(settings.agents_file)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        audit_logger = make_audit_logger(settings)
        client = AgentClient()
        executions = Executions(audit_logger, agents, client, live_enabled=settings.live_enabled)
        shutdown = Shutdown()
        observing: asyncio.Task[None] | None = None
        try:
            await audit_logger.open()
            app.state.backend = "postgresql" if settings.database_url else "jsonl"
            app.state.audit_logger = audit_logger
            app.state.tenant_header_trusted = settings.trust_tenant_header
            app.state.on_loopback = is_loopback(settings.host)
            app.state.exports = Exports(
                audit_logger,
                at_once=settings.exports_at_once,
                timeout=settings.export_timeout,
                stall_timeout=settings.export_stall_timeout,
            )
            app.state.executions = executions
            app.state.bulk_intake = BulkIntake(
                audit_logger,
                max_body_bytes=settings.max_body_bytes,
                max_bulk_bytes=settings.max_bulk_bytes,
                max_requests=settings.max_bulk_requests,
            )
            app.state.metrics_token = settings.metrics_token and settings.metrics_token.get_secret_value()
            audit_logger.start()
            observing = asyncio.create_task(sample(audit_logger))
            shutdown.listen()
            await asyncio.to_thread(warn_without_temporary_files)
            yield
        finally:
            if observing:
                observing.cancel()
            await executions.drain()
            await client.close()
            if observing:
                queued = (await audit_logger.state()).queue
            await audit_logger.close()
            if observing:
                left = (await audit_logger.state()).waiting
                shutdown.report(queued, left.records if left else 0)

    app = FastAPIOffline(
        docs_url=None,
        redoc_url=None,
        static_url=docs_router.ASSETS,
        title="Ringfence",
        version=__version__,
        summary="A multi-tenant audit trail for AI-agent executions.",
        description=DESCRIPTION,
        contact={"name": "The operator of this service"},
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This service"}],
        openapi_tags=TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
        routes=_ROUTES,
        telemetry=_NO_TELEMETRY,
    )
    app.state.max_body_bytes = settings.max_body_bytes
    app.state.parsing = Limiter(1, busy="too many large bodies at once", max_queued=32, max_seconds=5.0)
    app.state.bodies = Shares(MAX_HELD_BODY_BYTES, max_share=0.75)
    install_error_handlers(app)
    complete_document(app)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=[*_HEADERS],
            expose_headers=["X-Trace-ID"],
        )
    app.add_middleware(LastResortMiddleware)
    app.add_middleware(TraceMiddleware)
    app.add_middleware(MetricsMiddleware)
    return app


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. A name other than localhost may lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_audit_logger(settings: Settings) -> AuditLogger:
    """Return the store that `settings` name, not yet opened: the database with its spool, or without one the file."""
    if settings.database_url is None:
        return FileAuditLogger(settings.audit_log_path)
    database = DatabaseAuditLogger(
        Database(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            pool_timeout=settings.database_pool_timeout,
        ),
        names_refused=None if settings.trust_tenant_header or is_loopback(settings.host) else _NAMES_REFUSED,
    )
    if not settings.spool:
        return database
    return SpoolingAuditLogger(database, database.known, Spool(settings.spool_path, settings.spool_max_bytes))
