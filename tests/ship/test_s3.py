"""S3: a batch is an object that is named by its leaves and its hash, and the position lies beside it."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise

import pytest

from app.ship.batch import Batch, NotTaken
from app.ship.destinations import S3Table
from app.ship.positions import BadPositions, Standing
from tests.ship.batches import LINES, deliver
from tests.support.polling import eventually
from tests.support.receivers import Fault, SplunkReceiver, receiving
from tests.support.s3_server import BUCKET, KEY, S3Server, s3_server
from tests.support.shippers import ShipperAt, Trail

BODY = b"\n".join(LINES) + b"\n"
NAME = f"acme/000000001.000000000000000000-000000001.000000000000000003.{hashlib.sha256(BODY).hexdigest()}.ndjson"


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def table(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Table:
    return table_at(server.url, monkeypatch)


def table_at(url: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> S3Table:
    for name, value in KEY.items():
        monkeypatch.setenv(f"S3_{name.upper()}", value)
    secrets = {name: {"env": f"S3_{name.upper()}"} for name in KEY}
    return S3Table.model_validate({"kind": "s3", "bucket": BUCKET, "endpoint": url, **secrets, "seconds": 5} | more)


def ship_to(shipper: ShipperAt, server: S3Server) -> None:
    secrets = {name: {"env": f"S3_{name.upper()}"} for name in KEY}
    shipper.secrets |= {f"S3_{name.upper()}": value for name, value in KEY.items()}
    shipper.destination("archive", {"kind": "s3", "bucket": BUCKET, "endpoint": server.url, **secrets}, limit=2)


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


def test_what_there_is_is_shipped_in_order_and_the_position_is_kept_there(
    trail: Trail, shipper: ShipperAt, server: S3Server
) -> None:
    ship_to(shipper, server)
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
    ship_to(shipper, server)
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
