"""The command that serves: `python -m app`, configured by environment variables only (app/settings.py)."""

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
from contextlib import AbstractContextManager, nullcontext

import uvicorn
from fastapi import FastAPI

from app.http.connections import MAX_CONNECTIONS
from app.http.protocol import HttpProtocol
from app.main import create_app, make_audit_logger
from app.model.refusals import RefusedToServe
from app.services.agents import load_agents
from app.settings import Settings, SettingsRefused, describe, read_settings
from app.shutdown import drain_workers_on_every_signal
from app.telemetry import logs
from app.telemetry.metrics import DIRECTORY_VARIABLE, register_worker
from app.terminal_text import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Return 3, with one line on standard error, when the service refuses to start.

    arguments: of the command line, where only --help is known; by default this process's.
    """
    _parser().parse_args(arguments)
    logging.config.dictConfig(logs.CONFIGURATION)  # before the first line is logged
    try:
        settings = read_settings()
        _check_agents(settings)
        _check_address(settings)
        asyncio.run(_check_store(settings))
        directory = _metrics_directory() if settings.web_concurrency > 1 else nullcontext()
    except (SettingsRefused, RefusedToServe, ValueError, OSError) as error:
        print(f"ringfence: refusing to serve: {printable(error)}", file=sys.stderr)
        return 3
    _raise_file_limit()
    drain_workers_on_every_signal()
    with directory:
        uvicorn.run(
            "app.__main__:serve",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.web_concurrency,
            access_log=False,  # its lines hold query strings, and with them user ids
            server_header=False,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            proxy_headers=False,  # app/http/load_shedding.py reads X-Forwarded-For
            http=HttpProtocol,
            ws="none",  # offers to upgrade are ignored
            log_config=logs.CONFIGURATION,
            timeout_graceful_shutdown=settings.shutdown_timeout,
        )
    return 0


def serve() -> FastAPI:
    """Return the application of one worker, and tune garbage collection for it.

    The application's own objects live as long as the worker, so they are frozen: collections skip them. Requests leave
    few reference cycles: one collection for every 10,000 new objects is enough.
    """
    register_worker()
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
    try:
        load_agents(settings.agents_file)
    except (OSError, ValueError) as error:
        raise RefusedToServe(f"AGENTS_FILE: {error}") from None


def _check_address(settings: Settings) -> None:
    """Raise RefusedToServe when nothing can listen on HOST and PORT. uvicorn's own message names neither variable."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise RefusedToServe(f"HOST: {settings.host!r} is not an address, and no name of one is known") from None
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


async def _check_store(settings: Settings) -> None:
    """Open the store once and close it. In a worker a refusal would be a traceback, and the parent would try again."""
    audit_logger = make_audit_logger(settings)
    try:
        await audit_logger.open()
    finally:
        await audit_logger.close()


def _metrics_directory() -> AbstractContextManager[str]:
    """Make the directory in which the workers count together, and name it in their environment."""
    try:
        directory = tempfile.TemporaryDirectory(prefix="ringfence-metrics-")
    except OSError as error:
        raise RefusedToServe(
            f"workers need a directory for temporary files, in which they count together: {error.strerror}"
        ) from None
    os.environ[DIRECTORY_VARIABLE] = directory.name
    return directory


def _raise_file_limit() -> None:
    """Allow this process, and so its workers, as many open files as MAX_CONNECTIONS needs."""
    wanted = MAX_CONNECTIONS + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


if __name__ == "__main__":
    sys.exit(main())
