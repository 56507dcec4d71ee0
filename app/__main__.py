"""Serve: `python -m app`, configured by the environment alone (app/settings.py)."""

import asyncio
import gc
import sys
import tomllib

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from app.credentials import HEADER
from app.main import create_app, is_loopback, make_audit_logger
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
    uvicorn.run(
        "app.__main__:serve",
        factory=True,
        host=settings.host,
        port=settings.port,
        access_log=False,  # its lines hold query strings, and so users' names
        server_header=False,
        proxy_headers=False,  # nothing here looks at the address of the caller, or at the scheme
    )
    return 0


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
