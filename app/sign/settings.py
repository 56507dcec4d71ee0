"""Every environment variable of the signer, typed, with its safe default."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import database_url
from app.outside import url_fault

_Seconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class SignerSettings(BaseSettings):
    """Read once at start. Fields are the variables' names in lower case."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    signer_database_url: SecretStr | None = None
    """PostgreSQL, as a login that is a member of audit_signer and of nothing else."""

    signer_directory: Path = Path(".data/signer")
    """Directory of the key and the memory, for its owner alone. Not on the machine of the database."""

    signer_interval: _Seconds = 0.5
    """Seconds between two looks at the heads."""

    witnesses_file: Path | None = None
    """TOML file of the witnesses that cosign: a table [witnesses.NAME] with url and vkey for each."""

    witness_quorum: Annotated[int, Field(ge=0)] = 0
    """Witnesses that must cosign before a checkpoint is stored. 0: it is stored with those that answer."""

    witness_timeout: _Seconds = 2.0
    """Seconds that the witnesses may take for one head; one that fails is left alone for ten seconds."""

    publish_directory: Path | None = None
    """Directory that gets every stored checkpoint, best on a disk of another machine."""

    publish_store_url: str | None = None
    """Prefix in an object store that every stored checkpoint is PUT below."""

    publish_webhook_url: str | None = None
    """URL that every stored checkpoint is POSTed to."""

    publish_authorization: SecretStr | None = None
    """Header Authorization for both of them."""

    publish_timeout: _Seconds = 10.0
    """Seconds that each of them may take."""

    signer_metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port of /metrics, for Prometheus. Without it the signer listens nowhere."""

    signer_metrics_host: str = "127.0.0.1"
    """Address that /metrics listens on. It tells how many trees are signed, and nothing of any tenant."""

    tsa_url: str | None = None
    """Time-stamping authority (RFC 3161) that `stamp` asks."""

    tsa_roots_file: Path | None = None
    """PEM file of the root certificates that a time-stamp must lead to."""

    @field_validator("signer_database_url")
    @classmethod
    def _check_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (found := database_url.fault(value.get_secret_value())):
            raise ValueError(found)
        return value

    @field_validator("publish_store_url", "publish_webhook_url", "tsa_url")
    @classmethod
    def _check_url(cls, value: str | None, field: ValidationInfo) -> str | None:
        # A time-stamp is signed and says nothing secret: authorities are asked over http too.
        known = (url_fault("https" + value[4:]) if value.startswith("http:") else url_fault(value)) if value else None
        found = known if field.field_name == "tsa_url" else url_fault(value) if value else None
        if found:
            raise ValueError(found)
        return value

    @field_validator("publish_authorization")
    @classmethod
    def _check_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]+( [!-~]+)*", value.get_secret_value()):
            raise ValueError("a header is printable ASCII characters")
        return value
