"""Finds the credential of a request, and has the store check it before the body is read.

The database role of the service decides which kind of credential counts (audit.tenant_source()). A member of
audit_keyed needs an API key, which the database itself checks. A member of audit_trusted trusts the tenant that a
request names, because a gateway in front of it has authenticated the caller. The check here only spares work
(app/services/known_credentials.py): the database checks again, in the transaction that uses the credential.
"""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address

from starlette.requests import Request

from app.http.state import AnyState
from app.model.credential import API_KEY, ApiKey, Credential, NamedTenant
from app.model.refusals import (
    StorageUnavailable,
    TenantHeaderRefused,
    TenantMismatch,
    TenantMissing,
    Unauthenticated,
)


def credential_of(request: Request[AnyState], *also_named: str | None) -> Credential:
    """Return the credential of `request`. also_named: the tenants that its query and body name.

    For an identified request the credential holds the tenant, even where the request names none.

    Raises Unauthenticated, TenantMissing or TenantHeaderRefused without a valid credential, TenantMismatch when the
    request names two tenants, and StorageUnavailable while the kind of credential is not known.
    """
    named = {tenant for tenant in also_named if tenant is not None}
    authorizations = []
    for name, value in request.scope["headers"]:
        if name == b"x-tenant-id":
            named.add(value.decode("latin-1"))
        elif name == b"authorization":
            authorizations.append(value.decode("latin-1"))
    secret = ""
    if is_proven := tenant_source_of(request) == API_KEY:
        secret = bearer_token(authorizations)
        if not secret:
            raise Unauthenticated("there is none, or more than one")
    elif not _trusts_tenant_header(request):
        raise TenantHeaderRefused(
            "X-Tenant-ID is not trusted on this address: the operator sets TRUST_TENANT_HEADER behind a gateway"
        )
    if len(named) > 1:
        raise TenantMismatch("the request names two tenants")
    tenant = named.pop() if named else None
    if is_proven:
        return ApiKey(secret, tenant if tenant is not None else tenant_of(request) or None)
    if not tenant:
        raise TenantMissing("the request names no tenant: send X-Tenant-ID")
    return NamedTenant(tenant)


def bearer_token(authorizations: list[str]) -> str:
    """Return the token of a request's Authorization headers; empty unless there is exactly one, of scheme Bearer.

    The scheme is case-insensitive, and may be followed by several spaces (RFC 9110, 11.1 and 11.4).
    """
    scheme, _, token = authorizations[0].partition(" ") if len(authorizations) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else ""


async def identify(request: Request[AnyState], scopes: Collection[str], *also_named: str | None) -> None:
    """Refuse `request` unless its credential is accepted and has one of `scopes`.

    Stores the Caller in the request's state; none when only the body can name the tenant. Raises what credential_of()
    raises, the store's refusal of the credential, and ScopeMissing.
    """
    try:
        credential = credential_of(request, *also_named)
    except TenantMissing:
        return
    client = request.client
    caller = await request.state["caller_lookup"].identify(credential, client.host if client else "")
    if slot := request.state["slot"]:
        slot.recognize(caller.tenant_id)
    caller.refuse_without(scopes)
    request.state["caller"] = caller


def tenant_of(request: Request[AnyState]) -> str:
    """Return the tenant that `request` counts for in shared limits; empty until it is identified."""
    caller = request.state["caller"]
    return caller.tenant_id if caller else ""


def tenant_source_of(request: Request[AnyState]) -> str:
    """Return which kind of credential counts. Raises StorageUnavailable until the database has been reached."""
    source = request.state["caller_lookup"].tenant_source
    if not source:
        raise StorageUnavailable("the service has not reached the database since it started")
    return source


def _trusts_tenant_header(request: Request[AnyState]) -> bool:
    """Whether a named tenant counts: where the operator says so, or on loopback by both the settings and the socket."""
    if request.state["settings"].trust_tenant_header:
        return True
    # A server that was not started with `python -m app` may listen elsewhere than the settings say.
    address, _ = request.scope.get("server") or ("", None)
    return request.state["on_loopback"] and not _is_on_a_network(address)


@lru_cache(maxsize=16)
def _is_on_a_network(address: str) -> bool:
    try:
        return not ip_address(address).is_loopback
    except ValueError:  # a Unix socket
        return False
