"""The use of a key is reported once an hour and scope, and again where a report failed."""

import asyncio
from collections.abc import Callable

import pytest

from app.model.credential import ApiKey, NamedTenant
from app.model.refusals import StorageUnavailable
from app.services.postgres import key_uses
from app.services.postgres.key_uses import KeyUses

KEY, OTHER = (ApiKey(f"rf_{digit * 16}_{'0' * 64}", None) for digit in "ab")


def reported(use: Callable[[KeyUses], None], *, failing: int = 0) -> list[tuple[str, str]]:
    """Return what is reported when `use` is done twice; the first `failing` reports fail."""
    reports: list[tuple[str, str]] = []

    async def report(api_key: ApiKey, scope: str) -> None:
        reports.append((api_key.public_id[0], scope))
        if len(reports) <= failing:
            raise StorageUnavailable("the database is unavailable")

    async def main() -> None:
        uses = KeyUses(report)
        reporting = asyncio.create_task(uses.report())
        for _ in range(2):
            use(uses)
            await uses.drain()
        reporting.cancel()

    asyncio.run(main())
    return reports


def test_each_key_and_scope_is_reported_once() -> None:
    def use(uses: KeyUses) -> None:
        for credential in (KEY, OTHER, KEY):
            for scope in ("read", "write"):
                uses.note(credential, scope)

    assert reported(use) == [("a", "read"), ("a", "write"), ("b", "read"), ("b", "write")]


def test_a_name_is_no_key() -> None:
    assert reported(lambda uses: uses.note(NamedTenant("acme"), "read")) == []


def test_a_report_that_failed_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_uses, "_SECONDS_BEFORE_REPEATING", 0)
    assert reported(lambda uses: uses.note(KEY, "read"), failing=1) == [("a", "read"), ("a", "read")]


def test_the_next_hour_is_reported_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([7199.0, 7200.0])

    def use(uses: KeyUses) -> None:
        now = next(clock)
        monkeypatch.setattr("time.time", lambda: now)
        uses.note(KEY, "read")

    assert reported(use) == [("a", "read"), ("a", "read")]
