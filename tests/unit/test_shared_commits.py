"""Records of a tenant that cannot be stored are committed apart from the others', until one is stored."""

import asyncio
from collections.abc import Sequence

from app.model.credential import NamedTenant
from app.model.record import Record
from app.model.refusals import InvalidRequest, RingfenceError, StorageUnavailable
from app.model.uuid_v7 import uuid_v7
from app.services.postgres.shared_commits import Entry, Outcomes, SharedCommits, tenant_of


def away() -> StorageUnavailable:
    refusal = StorageUnavailable("the database cannot be used right now")
    refusal.may_be_of_some = True
    return refusal


async def commits_after(outcome: str | RingfenceError) -> list[set[str]]:
    """Return whose records shared each commit, once one of a tenant that was away has had this outcome."""
    outcomes: dict[str, str | RingfenceError] = {"here": "here", "away": away()}
    written: list[set[str]] = []

    async def write(entries: Sequence[Entry]) -> Outcomes:
        tenants = [tenant_of(credential) for credential, _ in entries]
        written.append(set(tenants))
        return [outcomes[tenant] for tenant in tenants]

    commits = SharedCommits(write)

    async def submit(*tenants: str) -> None:
        records = (Record(id=uuid_v7(), agent_id="agent", mode="LIVE", status="success") for _ in tenants)
        each = (commits.submit(NamedTenant(tenant), record) for tenant, record in zip(tenants, records, strict=True))
        await asyncio.gather(*each, return_exceptions=True)

    await submit("away")
    outcomes["away"] = outcome
    await submit("away")
    written.clear()
    await submit("here", "away")
    return written


def test_a_tenant_whose_record_is_stored_shares_commits_again() -> None:
    assert asyncio.run(commits_after("away")) == [{"here", "away"}]


def test_a_tenant_whose_record_is_refused_stays_apart() -> None:
    assert not any({"here", "away"} <= tenants for tenants in asyncio.run(commits_after(InvalidRequest("no", []))))
