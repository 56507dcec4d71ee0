"""Serve: `python -m app`, configured by the environment alone (app/settings.py)."""

import argparse
import asyncio
import errno
import gc
import logging.config
import os
import resource
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from app.http.connections import MAX_CONNECTIONS
from app.http.protocol import HttpProtocol
from app.main import create_app, make_audit_logger
from app.model.refusals import RefusedToServe
from app.services.agents import load_agents
from app.settings import Settings, SettingsRefused, describe, read_settings
from app.shutdown import drain_workers_on_every_signal
from app.telemetry import logs
from app.telemetry.metrics import DIRECTORY_VARIABLE
from app.terminal_text import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return 3, having said why in one line, when the service may not be started as it is.

    arguments: of the command line, of which there are none but --help; by default this process's.
    """
    _parser().parse_args(arguments)
    logging.config.dictConfig(logs.CONFIGURATION)  # before anything that could log
    try:
        settings = read_settings()
        _check_agents(settings)
        _check_address(settings)
        asyncio.run(_try(settings))
    except (SettingsRefused, RefusedToServe, ValueError, OSError) as error:
        return _refuse(str(error))
    _make_room_for_connections()
    drain_workers_on_every_signal()
    try:
        metrics = tempfile.TemporaryDirectory(prefix="ringfence-metrics-") if settings.web_concurrency > 1 else None
    except OSError as error:
        return _refuse(f"workers need a directory for temporary files, in which they count together: {error.strerror}")
    with metrics or nullcontext() as directory:
        if directory:
            os.environ[DIRECTORY_VARIABLE] = directory  # app/telemetry/metrics.py
        uvicorn.run(
            "app.__main__:serve",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.web_concurrency,
            access_log=False,  # its lines hold query strings, and so users' names
            server_header=False,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            proxy_headers=False,  # app/http/load_shedding.py reads X-Forwarded-For, where FORWARDED_ALLOW_IPS allows it
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


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python -m app",
        description="Serve the audit trail over HTTP until told to stop (SIGTERM, Ctrl-C). Takes no arguments.",
        epilog=f"Configured by these environment variables. An empty one counts as not set.\n\n{describe()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _check_agents(settings: Settings) -> None:
    """Raise RefusedToServe where AGENTS_FILE cannot be used."""
    try:
        load_agents(settings.agents_file)
    except ValidationError as error:
        # Pydantic's own text repeats the value, which may be a secret.
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RefusedToServe(f"AGENTS_FILE: {'; '.join(problems)}") from None
    except (OSError, ValueError) as error:
        raise RefusedToServe(f"AGENTS_FILE: {error}") from None


def _check_address(settings: Settings) -> None:
    """Raise RefusedToServe where nothing can listen on HOST and PORT: uvicorn's own words name neither."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise RefusedToServe(f"HOST: {settings.host!r} is no address, and no name of one") from None
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(address)
        except OSError as error:
            variable = "HOST" if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) else "PORT"
            reason = f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}"
            raise RefusedToServe(f"{variable}: {reason}") from None


async def _try(settings: Settings) -> None:
    """Open the store once: a refusal is then one line, and not the traceback of a worker."""
    audit_logger = make_audit_logger(settings)
    try:
        await audit_logger.open()
    finally:
        await audit_logger.close()


def _refuse(reason: str) -> int:
    print(f"ringfence: refusing to serve: {printable(reason)}", file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main())
