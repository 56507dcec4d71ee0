"""Where records go, and the key that opens it: from arguments, else from the environment."""

import os
import re
from dataclasses import dataclass, field

import httpx

_KEY = re.compile(r"rf_([0-9a-f]{16})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Destination:
    """A service and a key. key_id: the public part of the key, which may be written down."""

    url: str
    key_id: str
    api_key: str = field(repr=False)


def destination(url: str | None, api_key: str | None) -> Destination:
    """Return url and api_key, or else what RINGFENCE_URL and RINGFENCE_API_KEY hold.

    Raises ValueError for what is missing or has another form. It repeats neither.
    """
    url = url or os.environ.get("RINGFENCE_URL") or ""
    api_key = (api_key or os.environ.get("RINGFENCE_API_KEY") or "").strip()
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError("url, or RINGFENCE_URL, has to be the service's, as https://ringfence.example")
    if not (key := _KEY.fullmatch(api_key)):
        raise ValueError("api_key, or RINGFENCE_API_KEY, has to be an API key of the service: rf_...")
    return Destination(str(parsed).rstrip("/"), key[1], api_key)
