"""Serve: `python -m app`, configured by the environment alone (app/settings.py)."""

import asyncio
import sys
import tomllib

import uvicorn
from pydantic import ValidationError

from app.main import make_audit_logger
from app.services.agents import load_agents
from app.services.db import RefusedToServe
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
        "app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        access_log=False,  # its lines hold query strings, and so users' names
        server_header=False,
    )
    return 0


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
