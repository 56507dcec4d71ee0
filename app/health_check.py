"""Ask the service of this machine for its health: `python -m app.health_check`, for the Dockerfile's HEALTHCHECK.

Exit status: 0 when it answers, 1 when it does not. HOST and PORT name its address, as they do for the service.
"""

import sys
import urllib.request

from app.settings import read_settings

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  a service on every address is reached on loopback
_MAX_SECONDS = 4


def main() -> int:
    """Ask once; return the exit status."""
    settings = read_settings()
    host = _LOOPBACK.get(settings.host, settings.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/api/v1/health"
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=_MAX_SECONDS).close()
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
