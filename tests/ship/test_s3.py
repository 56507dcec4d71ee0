"""S3: a batch is an object that is named by its leaves and its hash, and the position lies beside it."""

import asyncio
import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Self

import pytest

from app.ship import s3
from app.ship.batch import Batch, NotTaken
from app.ship.destinations import S3Table
from app.ship.positions import BadPositions, Standing
from tests.ship.batches import BATCH, LINES, deliver
from tests.support.polling import eventually
from tests.support.processes import ROOT
from tests.support.receivers import Fault, Receiver, SplunkReceiver, receiving
from tests.support.s3_server import BUCKET, KEY, LOCKED_BUCKET, S3Server, s3_server
from tests.support.shippers import ShipperAt, Trail

LOCK = {"lock_mode": "COMPLIANCE", "lock_days": 30}
BODY = b"\n".join(LINES) + b"\n"
NAME = f"acme/000000001.000000000000000000-000000001.000000000000000003.{hashlib.sha256(BODY).hexdigest()}.ndjson"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[S3Server]:
    with s3_server(versions=getattr(request, "param", True)) as server:
        yield server


in_both_kinds_of_bucket = pytest.mark.parametrize("server", [True, False], ids=["versions", "plain"], indirect=True)


@pytest.fixture
def table(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Table:
    return table_at(server.url, monkeypatch)


def table_at(url: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> S3Table:
    for name, value in KEY.items():
        monkeypatch.setenv(f"S3_{name.upper()}", value)
    secrets = {name: {"env": f"S3_{name.upper()}"} for name in KEY}
    return S3Table.model_validate({"kind": "s3", "bucket": BUCKET, "endpoint": url, **secrets, "seconds": 5} | more)


def test_a_batch_is_an_object_that_is_named_by_its_leaves_and_its_hash(server: S3Server, table: S3Table) -> None:
    deliver(table.destination)
    assert server.names() == [NAME]
    assert server.lines() == list(LINES)


def test_a_batch_that_is_there_already_is_taken_and_written_once(server: S3Server, table: S3Table) -> None:
    deliver(table.destination)
    deliver(table.destination)
    versions = server.client.list_object_versions(Bucket=BUCKET)["Versions"]
    assert [each["Key"] for each in versions] == [NAME]


def test_names_sort_as_leaves_do(server: S3Server, table: S3Table) -> None:
    ends = ["1.0", "1.9.0000000000000000", "1.10.0000000000000000", "2.3.0000000000000000", "10.1.0000000000000000"]
    for number, (after, position) in enumerate(pairwise(ends)):
        deliver(table.destination, Batch("acme", after, position, (b"%d" % number,)))
    assert server.lines() == [b"0", b"1", b"2", b"3"]


@in_both_kinds_of_bucket
def test_a_position_is_written_only_over_what_was_read(table: S3Table) -> None:
    async def write() -> None:
        one, other = table.positions("acme"), table.positions("acme")
        assert await one.load() == await other.load() == Standing()
        await one.save(Standing("1.3"))
        with pytest.raises(BadPositions, match="AlreadyExistsError"):
            await other.save(Standing("1.1"))
        assert await other.load() == Standing("1.3")
        await other.save(Standing("1.4", "1.5", 1))
        await other.save(Standing("1.5"))
        with pytest.raises(BadPositions, match="PreconditionError"):
            await one.save(Standing("1.4"))
        assert await one.load() == Standing("1.5")

    asyncio.run(write())


@in_both_kinds_of_bucket
def test_what_there_is_is_shipped_in_order_and_the_position_is_kept_there(
    trail: Trail, shipper: ShipperAt, server: S3Server
) -> None:
    shipper.s3(server, limit=2)
    trail.write(5)
    assert shipper.once().returncode == 0
    trail.write(2)
    assert shipper.once().returncode == 0
    assert server.lines() == trail.lines()
    assert len(server.names()) == 4
    standing = json.loads(server.client.get_object(Bucket=BUCKET, Key="acme/position.json")["Body"].read())
    assert standing["position"].startswith("1.7.")
    assert not list((shipper.folder / "positions").glob("*.json"))


def test_a_shipper_that_is_killed_leaves_no_object_twice(trail: Trail, shipper: ShipperAt, server: S3Server) -> None:
    shipper.s3(server, limit=2)
    for number in range(1, 4):
        trail.write(7)
        with shipper.running() as (process, _):
            eventually(lambda number=number: len(server.lines()) > 7 * (number - 1))  # type: ignore[misc]
            process.kill()
            process.wait()
    assert shipper.once().returncode == 0
    assert server.lines() == trail.lines()


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.REDIRECT, Fault.CLOSE])
def test_a_store_that_does_not_answer_with_success_has_taken_nothing(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(SplunkReceiver()) as receiver:
        receiver.next_fault = lambda: fault
        table = table_at(receiver.url, monkeypatch)
        with pytest.raises(NotTaken) as refused:
            deliver(table.destination)
        assert "secret" not in str(refused.value)
        ((path, headers, _),) = receiver.asked
        assert path == f"/{BUCKET}/{NAME}"
        assert base64.b64decode(headers["x-amz-checksum-sha256"]) == hashlib.sha256(BODY).digest()
        assert headers["if-none-match"] == "*"
    with pytest.raises(NotTaken):
        deliver(table.destination)


class ConflictingStore(Receiver):
    """A store that writes elsewhere at the moment: it keeps nothing, and asks for another try."""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:  # noqa: ARG002
        return 409, b"<Error><Code>ConditionalRequestConflict</Code></Error>"


def test_a_store_that_answers_with_a_conflict_and_has_no_object_has_taken_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        receiving(ConflictingStore()) as store,
        pytest.raises(NotTaken, match="a conflict, and has no object of this name"),
    ):
        deliver(table_at(store.url, monkeypatch).destination)


@pytest.fixture
def locked(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Table:
    """A bucket that can lock objects, and has no retention of its own."""
    server.client.create_bucket(Bucket=LOCKED_BUCKET, ObjectLockEnabledForBucket=True)
    return table_at(server.url, monkeypatch, bucket=LOCKED_BUCKET, **LOCK)


def head_of(server: S3Server, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.client.head_object(Bucket=LOCKED_BUCKET, Key=name)
    return found


def test_an_object_is_locked_for_so_many_days_at_least(server: S3Server, locked: S3Table) -> None:
    before = datetime.now(UTC)
    deliver(locked.destination)
    found = head_of(server, NAME)
    assert found["ObjectLockMode"] == "COMPLIANCE"
    assert timedelta(days=30) <= found["ObjectLockRetainUntilDate"] - before <= timedelta(days=31, minutes=1)
    (version,) = server.client.list_object_versions(Bucket=LOCKED_BUCKET)["Versions"]
    with pytest.raises(server.client.exceptions.ClientError, match="AccessDenied"):
        server.client.delete_object(Bucket=LOCKED_BUCKET, Key=NAME, VersionId=version["VersionId"])


def test_a_position_beside_locked_objects_is_not_locked(server: S3Server, locked: S3Table) -> None:
    async def write() -> None:
        positions = locked.positions("acme")
        await positions.load()
        await positions.save(Standing("1.3"))
        await positions.save(Standing("1.4"))

    asyncio.run(write())
    assert "ObjectLockMode" not in head_of(server, "acme/position.json")


def test_a_new_day_has_a_new_end_of_the_lock(
    server: S3Server, locked: S3Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Self:
            return cls.fromtimestamp(time.time() - 86_400, tz)

    with monkeypatch.context() as changed:
        changed.setattr(s3, "datetime", Yesterday)
        destination = locked.destination()
    before = datetime.now(UTC)
    deliver(lambda: destination)
    assert head_of(server, NAME)["ObjectLockRetainUntilDate"] - before >= timedelta(days=30)


def test_a_bucket_that_cannot_lock_takes_nothing(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotTaken):
        deliver(table_at(server.url, monkeypatch, **LOCK).destination)
    assert server.names() == []


def test_an_object_that_the_store_does_not_call_locked_is_not_taken(
    server: S3Server, locked: S3Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = s3.Bucket.connect
    # As a store that knows no lock would have it: nothing of the headers arrives.
    monkeypatch.setattr(s3.Bucket, "connect", lambda bucket, _headers=None: connect(bucket))
    destination = locked.destination()
    for _ in range(2):  # the second time the object is there already
        with pytest.raises(NotTaken, match="does not say that the object is locked"):
            deliver(lambda: destination)
    assert head_of(server, NAME)["ContentLength"] == len(BODY)


def test_an_object_that_is_there_without_a_lock_is_taken_once_somebody_has_locked_it(
    server: S3Server, locked: S3Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(table_at(server.url, monkeypatch, bucket=LOCKED_BUCKET).destination)
    destination = locked.destination()
    deliver(lambda: destination, Batch("acme", BATCH.position, "1.5.0123456789abcdef", LINES[:1]))
    with pytest.raises(NotTaken, match="does not say that the object is locked"):
        deliver(lambda: destination)
    retention = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=30)}
    server.client.put_object_retention(Bucket=LOCKED_BUCKET, Key=NAME, Retention=retention)
    deliver(lambda: destination)


def test_the_lock_is_part_of_what_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(SplunkReceiver()) as receiver:
        receiver.fail(Fault.REFUSE)
        with pytest.raises(NotTaken):
            deliver(table_at(receiver.url, monkeypatch, **LOCK).destination)
    ((_, headers, _),) = receiver.asked
    assert headers["x-amz-object-lock-mode"] == "COMPLIANCE"
    # AWS refuses headers of its own that are not signed.
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {name for name in headers if name.startswith("x-amz-")} <= set(signed)


SHIPPED = """
import asyncio, json, sys
from app.ship.batch import Batch
from app.ship.destinations import S3Table
from app.ship.positions import Standing
table = S3Table.model_validate_json(sys.argv[1])
async def ship():
    positions = table.positions("acme")
    await positions.load()
    await table.destination().send(Batch("acme", "1.0", "1.1", (b"{}",)))
    await positions.save(Standing("1.1"))
asyncio.run(ship())
"""


@pytest.mark.usefixtures("table")  # which puts the secrets into the environment
def test_a_process_that_ends_right_behind_an_answer_ends_in_order(server: S3Server) -> None:
    secrets = {name: {"env": f"S3_{name.upper()}"} for name in KEY}
    told = json.dumps({"kind": "s3", "bucket": BUCKET, "endpoint": server.url, **secrets})
    # Of twenty, two or three were aborted where obstore's own threads ended the calls.
    ended = [subprocess.run([sys.executable, "-c", SHIPPED, told], cwd=ROOT, check=False) for _ in range(20)]
    assert {each.returncode for each in ended} == {0}
