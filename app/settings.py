"""Every environment variable of the service, typed, with its safe default."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Read once at start. A value that cannot be understood stops the start; none is ever guessed.

    Fields are the variables' names in lower case: `DATABASE_URL` is `database_url`.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True)

    database_url: SecretStr | None = None
    """PostgreSQL, as the run-time role (audit_app). Absent: records go to the file `audit_log_path`."""

    live_enabled: bool = False
    """Whether agents are really called. Off: LIVE is refused, and the refusal recorded."""

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins that browsers may call from, separated by commas. Empty: no CORS header is ever sent."""

    agents_file: Path | None = None
    """TOML file of the agents that LIVE may call (agents.example.toml shows one)."""

    audit_log_path: Path = Path(".data/audit.jsonl")
    """Where records go without a database: one JSON object a line."""

    spool: bool = True
    """Whether records wait on the disk while the database is away. Off: they are answered with 503."""

    spool_path: Path = Path(".data/spool")
    """Directory of what waits, for its owner alone. On a disk that outlives the service."""

    spool_max_bytes: Annotated[int, Field(gt=0)] = 268_435_456
    """Size of what waits, in bytes, three quarters of it for one tenant; beyond it records are answered with 503."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""

    trust_tenant_header: bool = False
    """Whether X-Tenant-ID is believed on other addresses than loopback: only behind a gateway that sets it itself.
    Without meaning where requests prove their tenant with an API key."""

    database_pool_size: Annotated[int, Field(ge=1)] = 10
    """Connections to PostgreSQL that one worker opens at the most."""

    database_pool_timeout: Annotated[float, Field(gt=0)] = 5.0
    """Seconds that a request waits for a connection before it is answered with 503."""

    exports_at_once: Annotated[int, Field(ge=1)] = 2
    """Exports that one worker sends at once, half of them for one tenant; a further one is answered with 503."""

    export_timeout: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds that an export may take; then it is cut."""

    export_stall_timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds that the caller of an export may take for the next 64 KiB; then it is cut."""

    max_body_bytes: Annotated[int, Field(gt=0)] = 1_048_576
    """Size of the largest request body that is read, in bytes; a larger one is answered with 413."""

    max_bulk_bytes: Annotated[int, Field(gt=0)] = 134_217_728
    """Size of the largest body of records, one a line, in bytes; a larger one is answered with 413."""

    max_bulk_requests: Annotated[int, Field(ge=1)] = 8
    """Streams of lines that one worker takes at once, three quarters of them for one tenant; one more gets 503."""

    metrics_token: SecretStr | None = None
    """What Prometheus sends as Authorization: Bearer. Absent: metrics are read on loopback alone."""

    shutdown_timeout: Annotated[int, Field(ge=1)] = 20
    """Seconds that requests under way may take once the service is told to stop; then they are cut."""

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip() for origin in value.split(",") if origin.strip())
        return value
