"""What a request shows to belong to a tenant, and what the store says of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.model.refusals import ScopeMissing

API_KEY = "api_key"
HEADER = "header"


@dataclass(frozen=True, slots=True)
class NamedTenant:
    """A tenant that the caller names and the service believes. Opens audit.set_tenant()."""

    tenant_id: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that proves its tenant. Opens audit.enter_tenant().

    tenant_id: what the request says beside it, if anything; the database refuses when the key belongs to another.
    """

    secret: str = field(repr=False)  # kept out of every log line and traceback
    tenant_id: str | None

    @property
    def public_id(self) -> str:
        """The part of a well-formed key that is no secret."""
        return self.secret[3:19]


Credential = NamedTenant | ApiKey

SpoolKeySource = Literal["secret", "hash"]
"""What the key that signs spooled lines is derived from, as audit.describe_api_key() says: from the secret of the API
key, or, for API keys issued before V0009 of the schema, from its SHA-256."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What the store says of a credential.

    expires_at: None where it never does. spool_key_source: of an API key. restriction: what its records have in common,
    by name, as audit.is_restriction() has it; None where it shows the whole tenant. The database decides by its own.
    """

    tenant_id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    spool_key_source: SpoolKeySource = "secret"
    restriction: Mapping[str, str] | None = None

    def refuse_without(self, scopes: Collection[str]) -> None:
        """Raise ScopeMissing unless the credential has one of `scopes`."""
        if self.scopes.isdisjoint(scopes):
            raise ScopeMissing(f"the API key has not the scope {' or '.join(sorted(scopes, reverse=True))}")
