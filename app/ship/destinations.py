"""DESTINATIONS_FILE: what is shipped where. A secret stands in the variable or the file that a table names."""

import re
import ssl
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from app.outside import make_client, url_fault
from app.secret_source import read_secret
from app.ship.batch import Destination
from app.ship.feed import Feed
from app.ship.positions import FilePositions, Positions
from app.ship.splunk import Splunk
from app.ship.syslog import Syslog
from app.ship.webhook import Webhook, key_of
from app.terminal_text import printable

if TYPE_CHECKING:
    from app.ship import s3

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)


def _good_url(url: str) -> str:
    if found := url_fault(url):
        raise ValueError(found)
    return url


def _secret(source: object) -> str:
    """Return what `{env = "VARIABLE"}` or `{file = "/path"}` names."""
    if not isinstance(source, dict) or source.keys() not in ({"env"}, {"file"}):
        raise ValueError('is {env = "VARIABLE"} or {file = "/path"}: no secret belongs into this file')
    if not all(isinstance(each, str) for each in source.values()):
        raise ValueError("the name of a variable or of a file is a text")
    if not re.fullmatch(r"[!-~]+", secret := read_secret(source)):
        raise ValueError("its value is printable ASCII characters without white space")
    return secret


def _good_file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("not a file")
    return path


_Url = Annotated[str, AfterValidator(_good_url)]
_Secret = Annotated[SecretStr, BeforeValidator(_secret)]
_File = Annotated[Path, AfterValidator(_good_file)]
_Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]
# While a block waits its destination lags; an alert comes after 300 seconds of that (docs/operations.md).
_BlockSeconds = Annotated[float, Field(gt=0, le=240, allow_inf_nan=False)]


class _Table(BaseModel):
    # Pydantic's messages must not repeat the file, and nobody is to guess what an unknown member should have meant.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _webhook_secret(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


class WebhookTable(_Table):
    """A webhook. seconds: that one POST may take. ca_file: PEM file of the roots of its certificate."""

    kind: Literal["webhook"]
    url: _Url
    secret: Annotated[_Secret, AfterValidator(_webhook_secret)]
    seconds: _Seconds = 30.0
    ca_file: _File | None = None

    def destination(self) -> Destination:
        """Return the destination. Raises OSError."""
        return Webhook(make_client(self.ca_file), self.url, key_of(self.secret.get_secret_value()), self.seconds)


class SplunkTable(_Table):
    """Splunk's HTTP Event Collector. url: without a path. index: where the token's own is not meant.

    seconds: that one request may take. ack_seconds: within which a batch is to be indexed.
    """

    kind: Literal["splunk"]
    url: _Url
    token: _Secret
    index: str | None = None
    source: str = "ringfence"
    sourcetype: str = "_json"
    seconds: _Seconds = 30.0
    ack_seconds: _Seconds = 120.0
    ca_file: _File | None = None

    def destination(self) -> Destination:
        """Return the destination. Raises OSError."""
        event = {"source": self.source, "sourcetype": self.sourcetype}
        if self.index is not None:
            event["index"] = self.index
        client, token = make_client(self.ca_file), self.token.get_secret_value()
        return Splunk(client, self.url, token, event, self.seconds, self.ack_seconds)


class SyslogTable(_Table):
    """Syslog over TLS. certificate_file, key_file: PEM files of the shipper's own certificate, where one is wanted.

    enterprise: the private enterprise number in the name of the structured data; 32473 is that of examples.
    close_notify: whether the receiver answers a close_notify with its own. seconds: for a whole batch.
    """

    kind: Literal["syslog"]
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)] = 6514
    enterprise: Annotated[int, Field(ge=1)] = 32473
    close_notify: bool = True
    seconds: _Seconds = 30.0
    ca_file: _File | None = None
    certificate_file: _File | None = None
    key_file: _File | None = None

    def destination(self) -> Destination:
        """Return the destination. Raises OSError."""
        trusted = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file:
            trusted.load_cert_chain(self.certificate_file, self.key_file, password="")  # asks nobody for a password
        return Syslog(self.host, self.port, trusted, self.enterprise, self.seconds, answers=self.close_notify)


class S3Table(_Table):
    """A bucket of S3, or of what speaks it. endpoint: where it is not AWS's own. seconds: that one request may take.

    block_seconds: for which an unfinished block waits for the rest of it. lock_mode, lock_days: object lock of each
    object. It is reached with the certificates of the system alone, so it has no ca_file.
    """

    kind: Literal["s3"]
    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*$")] = ""
    endpoint: _Url | None = None
    region: str = "us-east-1"
    access_key_id: _Secret
    secret_access_key: _Secret
    seconds: _Seconds = 30.0
    block_seconds: _BlockSeconds = 60.0
    lock_mode: Literal["GOVERNANCE", "COMPLIANCE"] | None = None
    lock_days: Annotated[int, Field(ge=1, le=36_500)] | None = None

    @model_validator(mode="after")
    def _is_a_whole_lock(self) -> Self:
        if (self.lock_mode is None) != (self.lock_days is None):
            raise ValueError("lock_mode and lock_days go together")
        return self

    def destination(self) -> Destination:
        """Return the destination. Raises ImportError without obstore."""
        from app.ship import s3  # of the shippers, those to S3 alone need obstore

        lock = None if self.lock_mode is None or self.lock_days is None else s3.Lock(self.lock_mode, self.lock_days)
        return s3.Objects(self._bucket(), lock)

    def positions(self, tenant: str) -> Positions:
        """Return the positions, which are kept beside the objects."""
        from app.ship import s3

        return s3.ObjectPositions(self._bucket(), tenant)

    def _bucket(self) -> "s3.Bucket":
        from app.ship import s3

        return s3.Bucket(self.bucket, self.prefix, self.seconds, self._options())

    def _options(self) -> dict[str, str]:
        key, secret = self.access_key_id.get_secret_value(), self.secret_access_key.get_secret_value()
        options = {"region": self.region, "access_key_id": key, "secret_access_key": secret}
        return options | ({"endpoint": self.endpoint} if self.endpoint else {})


class Entry(_Table):
    """One table of DESTINATIONS_FILE.

    service: URL of the service; service_ca_file: PEM file of the roots of its certificate. tenant, key: whose feed it
    is, and a key of it that may read. limit: lines of a batch, at most.
    """

    tenant: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    service: _Url
    service_ca_file: _File | None = None
    key: _Secret
    format: Literal["ringfence", "ocsf", "cloudevents"] = "ringfence"
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000
    to: Annotated[WebhookTable | SplunkTable | SyslogTable | S3Table, Field(discriminator="kind")]

    def feed(self) -> Feed:
        """Return the feed. Raises OSError."""
        client = make_client(self.service_ca_file)
        return Feed(client, self.service, self.tenant, self.key.get_secret_value(), self.format)

    def block_seconds(self) -> float | None:
        """Return for how long an unfinished block waits for the rest of it, None where blocks do not matter."""
        return self.to.block_seconds if isinstance(self.to, S3Table) else None

    def positions(self, directory: Path, name: str) -> Positions:
        """Return where the position is kept: at the destination where that can keep it, else in a file."""
        return (
            self.to.positions(self.tenant)
            if isinstance(self.to, S3Table)
            else FilePositions(directory / f"{name}.json")
        )


def load(path: Path) -> dict[str, Entry]:
    """Read DESTINATIONS_FILE, a table `[destinations.NAME]` for each. Raises OSError, or ValueError with one line."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {printable(error)}") from None
    tables = document.get("destinations")
    if document.keys() != {"destinations"} or not isinstance(tables, dict) or not tables:
        raise ValueError(f"{path}: wants tables [destinations.NAME] and nothing else")
    return {name: _entry(path, name, table) for name, table in tables.items()}


def _entry(path: Path, name: str, table: object) -> Entry:
    place = f"{path}: destination {printable(name)}"
    if not _NAME.fullmatch(name):  # it names a file, and stands in metrics
        raise ValueError(f"{place}: a name is lower-case letters, digits and hyphens, at most 64")
    try:
        return Entry.model_validate(table)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, found["loc"])) or "table"
        raise ValueError(printable(f"{place}: {field}: {found['msg'].removeprefix('Value error, ')}")) from None
