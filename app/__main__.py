"""Serve: `python -m app`, configured by the environment alone (app/settings.py)."""

import asyncio
import gc
import os
import resource
import sys
import tempfile
import tomllib
from contextlib import nullcontext

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from app import logs
from app.bounded_http import MOST_CONNECTIONS, BoundedHttp
from app.main import create_app, make_audit_logger
from app.metrics import DIRECTORY_VARIABLE
from app.services.agents import load_agents
from app.services.database_check import RefusedToServe
from app.settings import Settings
from app.shutdown import drain_workers_on_every_signal


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
    drain_workers_on_every_signal()
    try:
        metrics = tempfile.TemporaryDirectory(prefix="ringfence-metrics-") if _several_workers() else nullcontext()
    except OSError as error:
        return _refuse(f"workers need a directory for temporary files, in which they count together: {error.strerror}")
    with metrics as directory:
        if directory:
            os.environ[DIRECTORY_VARIABLE] = directory  # app/metrics.py
        uvicorn.run(
            "app.__main__:serve",
            factory=True,
            host=settings.host,
            port=settings.port,
            access_log=False,  # its lines hold query strings, and so users' names
            server_header=False,
            proxy_headers=False,  # nothing here looks at the address of the caller, or at the scheme
            http=BoundedHttp,
            log_config=logs.CONFIGURATION,
            timeout_graceful_shutdown=settings.shutdown_timeout,
        )
    return 0


def _make_room_for_connections() -> None:
    wanted = MOST_CONNECTIONS + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _several_workers() -> bool:
    return os.environ.get("WEB_CONCURRENCY", "1") not in ("", "1")


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
    finally:
        await audit_logger.close()


def _refuse(reason: str) -> int:
    print(f"ringfence: refusing to serve: {reason}", file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main())
