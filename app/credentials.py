"""On whose word a request belongs to a tenant.

A service whose database role is audit_trusted believes the caller: it stands behind a gateway that has authenticated
him. The database decides what a credential opens; this module only finds it in the request.
"""

from dataclasses import dataclass

from fastapi import Request

from app.errors import TenantMismatch, TenantMissing


@dataclass(frozen=True, slots=True)
class NamedTenant:
    """A tenant that the caller names and the service believes. Opens audit.set_tenant()."""

    tenant_id: str


Credential = NamedTenant


def credential_of(request: Request, *also_named: str | None) -> Credential:
    """Return the credential of `request`: X-Tenant-ID, or `also_named`, the tenants of its query and body.

    Raises TenantMissing when there is none and TenantMismatch when two disagree.
    """
    named = {*request.headers.getlist("x-tenant-id"), *(tenant for tenant in also_named if tenant is not None)}
    if len(named) > 1:
        raise TenantMismatch("the request names two tenants")
    if not named or named == {""}:
        raise TenantMissing("the request names no tenant: send X-Tenant-ID")
    return NamedTenant(named.pop())
