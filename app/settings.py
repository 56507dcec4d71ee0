"""Every environment variable of the service, typed, with its safe default."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import Url
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import database_url

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._:\[\]-]+/?")
S = TypeVar("S", bound=BaseSettings)
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SettingsRefused(Exception):
    """The environment cannot be understood; the message names each wrong variable, and repeats no value."""


class Settings(BaseSettings):
    """Read once at start. A value that cannot be understood stops the start; none is ever guessed.

    Fields are the variables' names in lower case: `DATABASE_URL` is `database_url`.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    database_url: SecretStr | None = None
    """PostgreSQL, as the run-time role (audit_app). Absent: records go to the file AUDIT_LOG_PATH."""

    read_database_url: SecretStr | None = None
    """A standby of that database, to read lists and exports from, as the same role. Absent: DATABASE_URL is read."""

    read_max_lag: _Seconds = 10.0
    """Seconds by which the standby may be behind; beyond it DATABASE_URL is read."""

    listen_database_url: SecretStr | None = None
    """That database without the pooler that DATABASE_URL goes through, as the same role: one connection of each worker
    hears there what was sealed, which no pooler of transactions passes on. Absent: DATABASE_URL is used."""

    live_enabled: bool = False
    """Whether agents are really called. Off: LIVE is refused, and the refusal recorded."""

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins that browsers may call from, separated by commas. Empty: no CORS header is ever sent."""

    agents_file: Path | None = None
    """TOML file of the agents that LIVE may call (agents.example.toml shows one)."""

    audit_log_path: Path = Path(".data/audit.jsonl")
    """Where records go without a database: a regular file, one JSON object a line."""

    spool: bool = True
    """Whether records are queued on the disk while the database is unavailable. Off: they are answered with 503."""

    spool_path: Path = Path(".data/spool")
    """Directory of the queued records, for its owner alone. On a disk that outlives the service."""

    spool_max_bytes: Annotated[int, Field(gt=0)] = 268_435_456
    """Size of the queued records in bytes, three quarters of it for one tenant; beyond it records get 503."""

    host: str = "127.0.0.1"
    """Address to listen on: 0.0.0.0 is every IPv4 address of the machine, :: every IPv6 address."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""

    forwarded_allow_ips: str = "127.0.0.1,::1"
    """Addresses and networks of the proxies whose X-Forwarded-For counts, separated by commas."""

    web_concurrency: Annotated[int, Field(ge=1)] = 1
    """Worker processes, which share the port, the spool and the metrics; each has its own database connections."""

    trust_tenant_header: bool = False
    """Whether X-Tenant-ID is believed on other addresses than loopback: only behind a gateway that sets it itself.
    Without meaning where requests prove their tenant with an API key."""

    database_pool_size: Annotated[int, Field(ge=1)] = 10
    """Connections to PostgreSQL that one worker opens at the most."""

    database_pool_timeout: _Seconds = 5.0
    """Seconds that a request waits for a connection before it is answered with 503."""

    exports_at_once: Annotated[int, Field(ge=1)] = 2
    """Exports that one worker sends at once; one more is answered with 503, unless its tenant has less than a share."""

    export_timeout: _Seconds = 3600.0
    """Seconds that an export may take; then it is cut."""

    export_stall_timeout: _Seconds = 30.0
    """Seconds that the caller of an export may take for the next 64 KiB; then it is cut."""

    max_body_bytes: Annotated[int, Field(gt=0)] = 1_048_576
    """Size of the largest request body that is read, in bytes; a larger one is answered with 413."""

    max_bulk_bytes: Annotated[int, Field(gt=0)] = 134_217_728
    """Size of the largest body of records, one a line, in bytes; a larger one is answered with 413."""

    max_bulk_requests: Annotated[int, Field(ge=1)] = 8
    """Streams of lines that one worker takes at once, three quarters of them for one tenant; one more gets 503."""

    otlp_enabled: bool = False
    """Whether POST /v1/traces takes spans of OpenTelemetry (OTLP over HTTP). Off: the path does not exist."""

    otlp_max_bytes: Annotated[int, Field(gt=0, le=8_388_608)] = 4_194_304
    """Size of the largest body of spans, in bytes, before and after decompression; a larger one gets 413."""

    metrics_token: SecretStr | None = None
    """What Prometheus sends as Authorization: Bearer. Absent: metrics are read on loopback alone."""

    shutdown_timeout: Annotated[int, Field(ge=1)] = 20
    """Seconds that requests under way may take once the service is told to stop; then they are cut."""

    @field_validator("read_database_url", "listen_database_url")
    @classmethod
    def _check_other_way(cls, value: SecretStr | None, fields: ValidationInfo) -> SecretStr | None:
        if value is not None and fields.data.get("database_url") is None:
            raise ValueError("another way to DATABASE_URL, which is not set")
        return value

    @field_validator("database_url", "read_database_url", "listen_database_url")
    @classmethod
    def _check_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (found := database_url.fault(value.get_secret_value())):
            raise ValueError(found)
        return value

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            listed = [origin.strip() for origin in value.split(",")]
            return tuple(_as_browsers_send_it(number, text) for number, text in enumerate(listed, 1) if text)
        return value

    @field_validator("metrics_token")
    @classmethod
    def _check_token(cls, value: SecretStr | None) -> SecretStr | None:
        # Other characters could not arrive in a header, or not as they were meant.
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("a token is printable ASCII characters without white space")
        return value


def read_settings() -> Settings:
    """Return the settings of the environment. Raises SettingsRefused."""
    return read_as(Settings)


def read_as(kind: type[S]) -> S:
    """Return the settings of the environment, as this class has them. Raises SettingsRefused."""
    try:
        return kind()
    except ValidationError as error:
        problems = [
            f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsRefused("; ".join(problems)) from None


def describe(kind: type[BaseSettings] = Settings) -> str:
    """Return every variable with its default and its meaning, for people."""
    lines = []
    for name, field in kind.model_fields.items():
        default = "not set" if field.default in (None, ()) else str(field.default)
        default = default.lower() if isinstance(field.default, bool) else default
        meaning = " ".join((field.description or "").split())
        lines.append(f"  {name.upper()} (default: {default})\n      {meaning}")
    return "\n".join(lines)


def _as_browsers_send_it(number: int, text: str) -> str:
    """Return an origin as browsers send it in the header Origin: in lower case, without a default port.

    number: its position in the list, for the message, which does not repeat the origin. Raises ValueError for what no
    browser sends, and for * and null, which would let in more than one origin.
    """
    if _ORIGIN.fullmatch(text.lower()):
        with suppress(ValueError):
            url = Url(text.lower())  # by the same rules as browsers (WHATWG)
            if url.host and url.port != 0:
                return str(url).removesuffix("/")
    raise ValueError(
        f"origin {number} is not scheme://host or scheme://host:port (in ASCII; no path, no *, not null; a port from 1"
        " to 65535, an IPv6 address in brackets)"
    )
