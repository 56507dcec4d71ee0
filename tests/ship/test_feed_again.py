"""A batch that is read again ends where it ended, also where records were pruned or lost by a restore meanwhile."""

import asyncio
import json
from pathlib import Path

import pytest

from app.outside import make_client
from app.ship.batch import Batch
from app.ship.feed import Feed, FeedFailed, Part, PositionLost
from app.ship.metrics import Metrics
from app.ship.positions import FilePositions
from app.ship.shipment import Shipment
from app.ship.webhook import Webhook
from tests.support.receivers import KEY, WebhookReceiver
from tests.support.shippers import Trail


def again(trail: Trail, after: str, until: str, lines: int, form: str = "ringfence") -> Batch:
    async def read() -> Batch:
        feed = Feed(make_client(), trail.url, "acme", trail.key, form)
        try:
            return (await feed.read_until(after, until, lines)).batch
        finally:
            await feed.close()

    return asyncio.run(read())


def end_of(trail: Trail, lines: int) -> str:
    answer = trail.http.get(
        "/api/v1/audit/feed", params={"limit": lines}, headers={"Authorization": f"Bearer {trail.key}"}
    )
    return str(answer.text.splitlines()[-1].split('"')[3])


def prune(trail: Trail, *leaves: int) -> None:
    """Delete records as nobody but a superuser can, and leave their leaves."""
    trail.database.execute("SET session_replication_role = replica")
    trail.database.execute(
        "DELETE FROM audit.audit_logs WHERE id IN (SELECT record_id FROM audit.seals WHERE leaf_index = ANY(%s))",
        list(leaves),
    )
    trail.database.execute("RESET session_replication_role")


def test_it_ends_where_it_ended_though_more_was_written(trail: Trail) -> None:
    trail.write(5)
    first = trail.lines()
    until = end_of(trail, 3)
    trail.write(5)
    batch = again(trail, "1.0", until, 3)
    assert (batch.position, list(batch.lines)) == (until, first[:3])


@pytest.mark.parametrize(("pruned", "left"), [((0, 1), (2, 3, 4)), ((1, 4), (0, 2, 3)), ((0, 1, 2, 3, 4), ())])
def test_it_has_nothing_of_the_next_batch_where_lines_were_pruned(
    trail: Trail, pruned: tuple[int, ...], left: tuple[int, ...]
) -> None:
    trail.write(9)
    first, until = trail.lines(), end_of(trail, 5)
    prune(trail, *pruned)
    batch = again(trail, "1.0", until, 5)
    assert list(batch.lines) == [first[number] for number in left]
    assert batch.position == until


def test_it_ends_where_it_ended_behind_a_statement_that_has_no_line(trail: Trail) -> None:
    trail.write(3)
    erased = json.loads(trail.lines()[0])["id"]
    trail.database.execute("SELECT audit.erase_record('acme', %s, 'request')", erased)
    until = end_of(trail, 4)
    trail.write(1)
    batch = again(trail, "1.0", until, 3, "ocsf")
    assert (batch.position, len(batch.lines)) == (until, 3)


def test_a_tree_that_no_longer_reaches_so_far_gives_what_it_has_under_another_position(trail: Trail) -> None:
    trail.write(2)
    batch = again(trail, "1.0", f"1.7.{'0' * 16}", 7)
    assert batch.position == end_of(trail, 2)
    assert list(batch.lines) == trail.lines()


class LosingFeed(Feed):
    async def read(self, after: str, limit: int, wait: int = 0) -> Part:  # noqa: ARG002
        raise PositionLost(after)


def test_a_feed_that_loses_the_position_it_named_itself_is_not_asked_for_ever(
    receiver: WebhookReceiver, tmp_path: Path
) -> None:
    async def ship() -> bool:
        feed = LosingFeed(make_client(), receiver.url, "acme", "key", "ringfence")
        webhook = Webhook(make_client(), f"{receiver.url}/hook", KEY, 1)
        shipment = Shipment("siem", feed, webhook, FilePositions(tmp_path / "siem.json"), 10, Metrics())
        try:
            return await shipment.run_once()
        finally:
            await feed.close()
            await webhook.close()

    assert asyncio.run(ship()) is False


def test_an_answer_that_was_cut_is_not_taken(receiver: WebhookReceiver) -> None:
    async def read(body: bytes) -> None:
        feed = Feed(make_client(), receiver.url, "acme", "key", "ringfence")
        feed._part("1.1", body)
        await feed.close()

    last = b'{"position":"1.3.b9144eb93d8cbf43","count":2,"has_more":false,"checkpoint":null}\n'
    asyncio.run(read(b"{}\n{}\n" + last))
    for body in (
        b"",
        b"{}\n{}\n",
        b"{}\n" + last,
        b"{}\n{}\n" + last[:20],
        b"{}\n{}\n" + last.replace(b"1.3.", b"1.0."),
    ):
        with pytest.raises(FeedFailed, match="cut"):
            asyncio.run(read(body))
