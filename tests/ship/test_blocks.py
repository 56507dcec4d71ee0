"""Blocks: an object ends where 256 leaves do, in every format; what is unfinished waits for so long and no longer."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.outside import make_client
from app.ship.batch import Batch
from app.ship.blocks import whole_blocks
from app.ship.feed import Feed, FeedFailed, Part
from app.ship.metrics import Metrics
from app.ship.positions import FilePositions, Standing
from app.ship.shipment import Shipment
from app.ship.trail import Trail
from app.ship.webhook import Webhook
from tests.ship.test_feed_again import prune
from tests.support.receivers import KEY
from tests.support.s3_server import S3Server, s3_server
from tests.support.shippers import ShipperAt
from tests.support.shippers import Trail as Written

HASH = "0123456789abcdef" * 4
WITHOUT_HASH = b'{"epoch":1,"leaf_index":0,"leaf_hash":"a]"}'


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def spans(server: S3Server) -> list[tuple[int, int]]:
    """Return the first and the last leaf of each object, as its name says."""
    found = [name.split("/")[1].split(".") for name in server.names()]
    return [(int(first.partition("-")[0]), int(last)) for _, first, last, *_ in found]


def lines_of(first: int, last: int) -> tuple[bytes, ...]:
    return tuple(
        b'{"epoch":1,"leaf_index":%d,"leaf_hash":"%s","id":"x"}' % (leaf, HASH.encode())
        for leaf in range(first, last + 1)
    )


def batch_of(first: int, last: int) -> Batch:
    return Batch("acme", f"1.{first}", f"1.{last + 1}.{HASH[:16]}", lines_of(first, last))


@pytest.mark.parametrize("form", ["ringfence", "ocsf", "cloudevents"])
def test_objects_end_with_blocks_in_every_format(
    trail: Written, shipper: ShipperAt, server: S3Server, form: str
) -> None:
    shipper.s3(server, format=form)
    trail.write(600)
    assert shipper.once().returncode == 0
    trail.write(300)
    assert shipper.once().returncode == 0
    assert spans(server) == [(0, 511), (512, 599), (600, 767), (768, 899)]
    assert server.lines() == trail.lines(form)


def test_a_block_whose_last_records_were_pruned_is_followed_without_a_gap(
    trail: Written, shipper: ShipperAt, server: S3Server
) -> None:
    shipper.s3(server)
    trail.write(300)
    prune(trail, 254, 255, 256)
    assert shipper.once().returncode == 0
    assert spans(server) == [(0, 253), (254, 299)]
    assert server.lines() == trail.lines()


@pytest.mark.parametrize(
    ("first", "last", "ends"), [(0, 255, 255), (0, 299, 255), (250, 255, 255), (250, 700, 511), (0, 254, None)]
)
def test_a_batch_is_cut_behind_the_last_block_that_ends_in_it(first: int, last: int, ends: int | None) -> None:
    assert whole_blocks(batch_of(first, last)) == (None if ends is None else batch_of(first, ends))


def test_an_epoch_that_has_ended_is_a_whole_block() -> None:
    old = batch_of(0, 9)
    new = tuple(line.replace(b'"epoch":1', b'"epoch":2') for line in lines_of(0, 4))
    assert whole_blocks(replace(old, position=f"2.5.{HASH[:16]}", lines=old.lines + new)) == old


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"leaf_hash":"00"}', b'{"attestation_list":[{}]}', WITHOUT_HASH])
def test_a_line_that_names_no_leaf_is_not_cut_by_guess(line: bytes) -> None:
    with pytest.raises(FeedFailed, match="which leaf"):
        whole_blocks(Batch("acme", "1.0", "1.300", (line,)))


class Answers(Feed):
    """Gives these parts, one for each question."""

    def __init__(self, *parts: Part) -> None:
        super().__init__(make_client(), "http://127.0.0.1:1", "acme", "key", "ringfence")
        self.left = list(parts)

    async def read(self, after: str, limit: int, wait: int = 0) -> Part:  # noqa: ARG002
        return self.left.pop(0)


def part_of(last: int, complete_at: float, *, has_more: bool = False) -> Part:
    return Part(batch_of(0, last), has_more, None if has_more else complete_at, Trail("acme", None, "http://x"))


def next_of(folder: Path, feed: Answers, block_seconds: float, *, stopped: bool = False) -> Part | None:
    async def read() -> Part | None:
        stop = asyncio.Event()
        if stopped:
            stop.set()
        webhook = Webhook(make_client(), "http://127.0.0.1:1", KEY, 1)
        at = FilePositions(folder / "siem.json")
        try:
            shipment = Shipment("siem", feed, webhook, at, 1000, Metrics(), block_seconds)
            return await shipment._next(Standing(), stop, 30, block_seconds)
        finally:
            await feed.close()
            await webhook.close()

    return asyncio.run(read())


def test_what_is_unfinished_waits_and_then_has_everything_that_there_was(tmp_path: Path) -> None:
    found = next_of(tmp_path, Answers(part_of(9, 7.0), part_of(299, 8.0)), 0.01)
    assert found is not None
    assert (found.batch, found.has_more, found.complete_at) == (batch_of(0, 255), True, 7.0)


def test_what_is_unfinished_after_its_time_is_shipped_as_it_is(tmp_path: Path) -> None:
    assert next_of(tmp_path, Answers(part_of(9, 7.0), part_of(19, 8.0)), 0.01) == part_of(19, 8.0)


def test_a_shipper_that_is_told_to_stop_does_not_wait_for_a_block(tmp_path: Path) -> None:
    # Long enough that the test would be ended from outside.
    assert next_of(tmp_path, Answers(part_of(9, 7.0)), 600, stopped=True) is None


@pytest.mark.parametrize(
    ("part", "block_seconds"), [(part_of(9, 7.0, has_more=True), 600), (part_of(9, 7.0), 0), (part_of(255, 7.0), 600)]
)
def test_nothing_waits_where_more_is_there_or_the_block_is_whole_or_nobody_is_to_wait(
    tmp_path: Path, part: Part, block_seconds: float
) -> None:
    assert next_of(tmp_path, Answers(part), block_seconds) == part
