"""Wires the application: `create_app()`, and the store that the settings name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.http.load_shedding import MAX_HELD_BODY_BYTES
from app.http.middleware import RequestMiddleware
from app.http.openapi import DESCRIPTION, TAGS, complete_document
from app.http.problems import install_error_handlers
from app.routers import (
    agents_router,
    audit_router,
    docs_router,
    evidence_router,
    feed_router,
    health_router,
    metrics_router,
    records_router,
)
from app.routers.state import State
from app.services.agents import AgentClient, load_agents
from app.services.audit_logger import AuditLogger
from app.services.batch import warn_without_temporary_files
from app.services.concurrency.limiter import Limiter, Shares
from app.services.db import Database
from app.services.executions import Executions
from app.services.exports import Exports
from app.services.feed import Feeds
from app.services.health import sample
from app.services.intake import BulkIntake
from app.services.jsonl.store import FileAuditLogger
from app.services.postgres.store import DatabaseAuditLogger
from app.services.spool.queue import Spool
from app.services.spool.store import SpoolingAuditLogger
from app.settings import Settings
from app.shutdown import Shutdown
from app.telemetry.tracing import export_last_spans, make_tracer_provider
from app.viewer import events_router, overview_router, pages_router, sign_in_router
from app.viewer import records_router as view_records_router

_CORS_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Tenant-ID", "X-Trace-ID", "traceparent")
_ROUTERS = (
    agents_router, audit_router, evidence_router, feed_router, records_router, health_router, metrics_router,
    docs_router, pages_router, sign_in_router, view_records_router, overview_router, events_router,
)  # fmt: skip
# Routes are passed to FastAPI directly: of an included router it would look for each route twice.
_ROUTES = [route for module in _ROUTERS for route in module.router.routes if isinstance(route, APIRoute)]
# Each GET route answers HEAD as well; uvicorn leaves the body out. HEAD has routes of its own, because the OpenAPI
# document would otherwise repeat every operation.
_HEAD_ROUTES = [
    type(route)(route.path, route.endpoint, methods=["HEAD"], include_in_schema=False)
    for route in _ROUTES
    if "GET" in (route.methods or ())
]

_NAMES_REFUSED = (
    "the database role may name any tenant, so anyone who reaches this service could act as any tenant: connect as a"
    " member of audit_keyed, or set TRUST_TENANT_HEADER=true behind a gateway that sets X-Tenant-ID itself"
)

# FastAPI's spans would hold query strings, and with them user ids; and looking for their consumer costs every request.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Put settings, services, routes and error handlers together. Without `settings` they come from the environment.

    The store is opened when the application starts; that raises RefusedToServe when the store may not be served.
    """
    settings = settings or Settings()
    agents = load_agents(settings.agents_file)
    tracer_provider = make_tracer_provider()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        audit_logger = make_audit_logger(settings)
        client = AgentClient()
        executions = Executions(audit_logger, agents, client, live_enabled=settings.live_enabled)
        feeds = Feeds(audit_logger)
        loop = asyncio.get_running_loop()
        shutdown = Shutdown(partial(loop.call_soon_threadsafe, feeds.end))
        observing: asyncio.Task[None] | None = None
        try:
            await audit_logger.open()
            audit_logger.start()
            observing = asyncio.create_task(sample(audit_logger))
            shutdown.listen()
            await asyncio.to_thread(warn_without_temporary_files)
            yield State(
                settings=settings,
                trace_id="",
                slot=None,
                caller=None,
                held_body_bytes=0,
                parsing=Limiter(1, busy="too many large bodies at once", max_queued=32, max_seconds=5.0).hold,
                bodies=Shares(MAX_HELD_BODY_BYTES, max_share=0.75),
                audit_logger=audit_logger,
                caller_lookup=audit_logger,
                on_loopback=is_loopback(settings.host),
                executions=executions,
                exports=Exports(
                    audit_logger,
                    at_once=settings.exports_at_once,
                    timeout=settings.export_timeout,
                    stall_timeout=settings.export_stall_timeout,
                ),
                feeds=feeds,
                bulk_intake=BulkIntake(audit_logger, max_streams=settings.max_bulk_requests),
            )
        finally:
            if observing:
                observing.cancel()
            await executions.drain()
            await client.close()
            if observing:
                queued = (await audit_logger.state()).queue
            await audit_logger.close()
            if observing:
                left = (await audit_logger.state()).spooled
                shutdown.report(queued, left.records if left else 0)
            if tracer_provider:
                await asyncio.to_thread(export_last_spans, tracer_provider)

    routes = [*_ROUTES, *_HEAD_ROUTES]
    if settings.otlp_enabled:
        from app.routers import otlp_router  # nothing of protobuf is loaded where no spans are taken

        routes += [route for route in otlp_router.router.routes if isinstance(route, APIRoute)]

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
        routes=routes,
        telemetry=_NO_TELEMETRY,
    )
    install_error_handlers(app)
    complete_document(app)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=[*_CORS_HEADERS],
            expose_headers=["X-Trace-ID"],
        )
    app.add_middleware(RequestMiddleware)
    if tracer_provider:
        from app.http.tracing import TracingMiddleware  # as the other packages of tracing

        app.add_middleware(TracingMiddleware, tracer=tracer_provider.get_tracer("ringfence", __version__))
    return app


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. Any name but localhost may resolve to another machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_audit_logger(settings: Settings) -> AuditLogger:
    """Return the store that `settings` name, not yet opened: the database with its spool, or else the JSONL file."""
    if settings.database_url is None:
        return FileAuditLogger(settings.audit_log_path)
    connect = partial(Database, pool_size=settings.database_pool_size, pool_timeout=settings.database_pool_timeout)
    standby = None
    if settings.read_database_url:
        standby = connect(settings.read_database_url.get_secret_value(), reads_only=True)
    direct = None
    if settings.listen_database_url:
        direct = connect(settings.listen_database_url.get_secret_value())
    database = DatabaseAuditLogger(
        connect(settings.database_url.get_secret_value()),
        names_refused=None if settings.trust_tenant_header or is_loopback(settings.host) else _NAMES_REFUSED,
        direct=direct,
        standby=standby,
        read_max_lag=settings.read_max_lag,
    )
    if not settings.spool:
        return database
    return SpoolingAuditLogger(database, database.known, Spool(settings.spool_path, settings.spool_max_bytes))
