"""Serve: `python -m app`, configured by the environment alone (app/settings.py)."""

import asyncio
import gc
import os
import resource
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from app import logs
from app.connections import MAX_CONNECTIONS
from app.credentials import HEADER
from app.http_protocol import HttpProtocol
from app.main import create_app, is_loopback, make_audit_logger
from app.metrics import DIRECTORY_VARIABLE
from app.services.agents import load_agents
from app.services.database_check import RefusedToServe
from app.settings import Settings


def main() -> int:
    """Serve until told to stop; return 3, having said why in one line, when the service may not be started as it is."""
    try:
        settings = Settings()
        load_agents(settings.agents_file)
        asyncio.run(_try(settings))
    except ValidationError as error:
        # Pydantic's own text repeats the value, which may be a secret.
        problems = (f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        return _refuse("; ".join(problems))
    except (RefusedToServe, tomllib.TOMLDecodeError, ValueError, OSError) as error:
        return _refuse(str(error))
    _make_room_for_connections()
    with _shared_metrics():
        uvicorn.run(
            "app.__main__:serve",
            factory=True,
            host=settings.host,
            port=settings.port,
            access_log=False,  # its lines hold query strings, and so users' names
            server_header=False,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            proxy_headers=False,  # app/load_shedding.py reads X-Forwarded-For, where FORWARDED_ALLOW_IPS allows it
            http=HttpProtocol,
            ws="none",  # an offer to upgrade is ignored
            log_config=logs.CONFIGURATION,
            timeout_graceful_shutdown=settings.shutdown_timeout,
        )
    return 0


def _make_room_for_connections() -> None:
    wanted = MAX_CONNECTIONS + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """Give several workers a directory in which they count together (app/metrics.py)."""
    if os.environ.get("WEB_CONCURRENCY", "1") in ("", "1"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="ringfence-metrics-") as directory:
        os.environ[DIRECTORY_VARIABLE] = directory
        yield


def serve() -> FastAPI:
    """Return the application for one worker, which then spends less of its time on collecting garbage.

    What the application is made of is there to stay, so that collections need not look through it again and again; and
    what a request leaves behind is freed without them, so that one every few requests is more than enough.
    """
    application = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    return application


async def _try(settings: Settings) -> None:
    """Open the store once: a refusal is then one line, and not the traceback of a worker."""
    audit_logger = make_audit_logger(settings)
    try:
        await audit_logger.open()
        # Without a database the service starts all the same, so that a deploy goes through, and answers such requests
        # with a refusal (app/credentials.py).
        if (
            settings.database_url
            and audit_logger.tenant_source == HEADER
            and not (settings.trust_tenant_header or is_loopback(settings.host))
        ):
            raise RefusedToServe(
                f"the database role names its own tenant, so whoever reaches {settings.host} could be any tenant:"
                " connect as a member of audit_keyed, or set TRUST_TENANT_HEADER=true behind a gateway that sets"
                " X-Tenant-ID itself"
            )
    finally:
        await audit_logger.close()


def _refuse(reason: str) -> int:
    print(f"ringfence: refusing to serve: {reason}", file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main())
