"""On whose word a request belongs to a tenant.

Which kind of word counts follows from the database role that the service connects as (audit.tenant_source()): a member
of audit_keyed needs an API key, which the database itself checks; a member of audit_trusted believes a tenant that is
named, because it stands behind a gateway that has authenticated the caller. This module finds the credential, and has
it looked at before a body is read (app/services/known_credentials.py). What it opens the database alone decides, in
the transaction that uses it.
"""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address

from fastapi import Request

from app.http.load_shedding import Slot
from app.model.credential import API_KEY, ApiKey, Caller, Credential, NamedTenant
from app.model.refusals import (
    StorageUnavailable,
    TenantHeaderRefused,
    TenantMismatch,
    TenantMissing,
    Unauthenticated,
)

_NO_KEY = "there is none, or more than one"
_NOT_BELIEVED = "callers are not believed here: the operator sets TRUST_TENANT_HEADER behind a gateway"


def credential_of(request: Request, *also_named: str | None) -> Credential:
    """Return the credential of `request`; `also_named` are the tenants of its query and body.

    Once the request is identified, its tenant is in the credential, whoever named it.

    Raises Unauthenticated, TenantMissing or TenantHeaderRefused when there is none that counts, and TenantMismatch when
    the request names two tenants. Raises StorageUnavailable while it is not known which kind counts.
    """
    named = {tenant for tenant in also_named if tenant is not None}
    authorizations = []
    for name, value in request.scope["headers"]:
        if name == b"x-tenant-id":
            named.add(value.decode("latin-1"))
        elif name == b"authorization":
            authorizations.append(value.decode("latin-1"))
    if tenant_source_of(request) == API_KEY:
        scheme, _, secret = authorizations[0].partition(" ") if len(authorizations) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated(_NO_KEY)
        if len(named) > 1:
            raise TenantMismatch("the request names two tenants")
        return ApiKey(secret.strip(), named.pop() if named else tenant_of(request) or None)
    if not _believed(request):
        raise TenantHeaderRefused(_NOT_BELIEVED)
    if len(named) > 1:
        raise TenantMismatch("the request names two tenants")
    if not named or named == {""}:
        raise TenantMissing("the request names no tenant: send X-Tenant-ID")
    return NamedTenant(named.pop())


async def identify(request: Request, scopes: Collection[str], *also_named: str | None) -> None:
    """Make sure that `request` comes from a caller with one of `scopes`, as far as its body has no say in that.

    Who that is stands in the request's scope as `caller` then, and nobody where only the body can say it. Raises what
    credential_of() raises, what the store says of the credential, and ScopeMissing.
    """
    try:
        credential = credential_of(request, *also_named)
    except TenantMissing:
        return
    client = request.client
    caller: Caller = await request.app.state.audit_logger.identify(credential, client.host if client else "")
    slot: Slot | None = getattr(request.state, "slot", None)
    if slot is not None:
        slot.recognize(caller.tenant_id)
    caller.refuse_without(scopes)
    request.scope["caller"] = caller


def tenant_of(request: Request) -> str:
    """Return the tenant whose share of the service `request` uses; empty while that is not known."""
    caller: Caller | None = request.scope.get("caller")
    return caller.tenant_id if caller else ""


def tenant_source_of(request: Request) -> str:
    """Return which kind of word counts. Raises StorageUnavailable until the database has said so."""
    source: str = request.app.state.audit_logger.tenant_source
    if not source:
        raise StorageUnavailable("the service has not reached the database since it started")
    return source


def _believed(request: Request) -> bool:
    """Whether a tenant that is named counts: on loopback, by the settings and by the socket, or where it is trusted."""
    if request.app.state.tenant_header_trusted:
        return True
    # The settings do not know where a server listens that was not started with `python -m app`.
    address, _ = request.scope.get("server") or ("", None)
    return bool(request.app.state.on_loopback) and not _is_of_a_network(address)


@lru_cache(maxsize=16)
def _is_of_a_network(address: str) -> bool:
    try:
        return not ip_address(address).is_loopback
    except ValueError:  # a Unix socket
        return False
