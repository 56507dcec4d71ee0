"""Where records go, and the key that opens it: from arguments, else from the environment."""

import ipaddress
import os
import re
from dataclasses import dataclass, field

import httpx

_KEY = re.compile(r"rf_([0-9a-f]{16})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Destination:
    """A service and a key. key_id: the public part of the key, which may be written down.

    trust_environment: whether proxies and certificates of the environment are used.
    """

    url: str
    key_id: str
    api_key: str = field(repr=False)
    trust_environment: bool


def destination(url: str | None, api_key: str | None, *, allow_unencrypted: bool) -> Destination:
    """Return url and api_key, or else what RINGFENCE_URL and RINGFENCE_API_KEY hold.

    allow_unencrypted: whether http may leave this machine; RINGFENCE_ALLOW_UNENCRYPTED=true says the same. Raises
    ValueError for what is missing, has another form, or would send the key in clear text. It repeats nothing of it.
    """
    url = url or os.environ.get("RINGFENCE_URL") or ""
    api_key = (api_key or os.environ.get("RINGFENCE_API_KEY") or "").strip()
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError("url, or RINGFENCE_URL, has to be the service's, as https://ringfence.example")
    is_local = _is_loopback(parsed.host)
    allow_unencrypted = allow_unencrypted or os.environ.get("RINGFENCE_ALLOW_UNENCRYPTED") == "true"
    if parsed.scheme == "http" and not is_local and not allow_unencrypted:
        raise ValueError(
            "url, or RINGFENCE_URL: http without encryption is for this machine alone, since it shows the key to"
            " everybody on the way: use https, or say allow_unencrypted, or RINGFENCE_ALLOW_UNENCRYPTED=true"
        )
    if not (key := _KEY.fullmatch(api_key)):
        raise ValueError("api_key, or RINGFENCE_API_KEY, has to be an API key of the service: rf_...")
    # A proxy would get the key in clear text, although the URL leads nowhere else.
    trust_environment = not (parsed.scheme == "http" and is_local)
    return Destination(str(parsed).rstrip("/"), key[1], api_key, trust_environment)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
