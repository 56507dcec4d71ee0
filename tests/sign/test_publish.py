"""Places outside: each gets the newest checkpoint of each tree, also after it was away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import outside
from app.outside import OutsideFailed, make_client
from app.sign import notes, publish
from app.sign.memory import Stored
from app.sign.notes import Checkpoint
from tests.support.stub_agent import StubAgent, running_agent

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def stored(size: int, tenant: str = "acme", root: bytes = bytes(32)) -> Stored:
    origin = f"ringfence.example/{tenant}"
    text = Checkpoint(origin, size, root).text
    return Stored(tenant, 1, size, f"{text}\n{notes.sign(text, origin, KEY)}")


@pytest.fixture
def place() -> Iterator[StubAgent]:
    with running_agent() as agent:
        yield agent


def send(kind: type[publish.ObjectStore | publish.Webhook], url: str, *each: Stored) -> bool:
    """Send these through a publisher of one place; return whether it took them."""

    async def run() -> bool:
        async with make_client() as client:
            publisher = publish.Publisher([kind(url, client, "Bearer s3cret", 5)], lambda _: None)
            publisher.submit(each)
            return await publisher.flush()

    return asyncio.run(run())


def test_an_object_store_gets_a_put_for_each_checkpoint(place: StubAgent) -> None:
    assert send(publish.ObjectStore, f"{place.url}/bucket/", stored(7), stored(3, "globex"))

    assert [call[0] for call in place.calls] == [
        "PUT /bucket/ringfence.example/acme/7", "PUT /bucket/ringfence.example/globex/3",
    ]  # fmt: skip
    assert place.calls[0][2].decode() == stored(7).note
    assert place.calls[0][1]["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    "origin", ["a.example/../../b", "a.example/./b", "a.example//b", "/etc", "a.example/b?c", "..", ""]
)
def test_an_origin_that_leads_out_of_a_place_is_refused(place: StubAgent, tmp_path: Path, origin: str) -> None:
    async def take(origin: str, kind: str) -> None:
        async with make_client() as client:
            directory, store = publish.Directory(tmp_path), publish.ObjectStore(place.url, client, None, 5)
            await (directory if kind == "directory" else store).take(origin, 7, stored(7).note)

    for kind in ("directory", "object store"):
        with pytest.raises(OutsideFailed, match="no path below it"):
            asyncio.run(take(origin, kind))
        assert not list(tmp_path.iterdir())
        assert not place.calls
    for kind in ("directory", "object store"):
        asyncio.run(take("a.example:8080/b_c/2", kind))
    assert (tmp_path / "a.example:8080" / "b_c" / "2" / "7").exists()
    assert len(place.calls) == 1


def test_a_webhook_gets_the_checkpoint_as_a_body(place: StubAgent) -> None:
    assert send(publish.Webhook, f"{place.url}/hook", stored(7))

    ((line, headers, body),) = place.calls
    assert (line, headers["content-type"]) == ("POST /hook", "text/plain; charset=utf-8")
    assert body.decode() == stored(7).note


@pytest.mark.parametrize("status", [302, 400, 500])
def test_an_answer_without_success_is_no_receipt(place: StubAgent, status: int) -> None:
    place.status = status
    assert not send(publish.Webhook, f"{place.url}/hook", stored(7))


def test_the_newest_of_each_tree_is_sent_when_a_place_is_back(place: StubAgent) -> None:
    noted: list[Stored] = []

    async def run() -> None:
        async with make_client() as client:
            publisher = publish.Publisher([publish.Webhook(f"{place.url}/hook", client, None, 5)], noted.extend)
            place.status = 503
            publisher.submit([stored(7)])
            assert not await publisher.flush()
            assert noted == []
            place.status = 200
            publisher.submit([stored(9), stored(2, "globex")])
            assert await publisher.flush()
            assert await publisher.flush()

    asyncio.run(run())
    assert noted == [stored(9), stored(2, "globex")]
    assert len(place.calls) == 3  # the refused one, and each of the two once


def test_a_directory_gets_a_file_for_each_checkpoint_and_none_is_replaced(tmp_path: Path) -> None:
    directory = publish.Directory(tmp_path)

    def take(each: Stored) -> None:
        asyncio.run(directory.take("ringfence.example/acme", each.size, each.note))

    take(stored(7))
    take(stored(8))
    take(stored(7))
    with pytest.raises(OutsideFailed, match="7 leaves were published before with another root"):
        take(stored(7, root=bytes([1]) * 32))

    folder = tmp_path / "ringfence.example" / "acme"
    assert {each.name: each.read_text() for each in folder.iterdir()} == {"7": stored(7).note, "8": stored(8).note}


@pytest.mark.parametrize(
    "url", ["https://a.example/x", "http://127.0.0.1:80/x", "http://localhost/x", "http://[::1]/x"]
)
def test_a_place_is_encrypted_or_on_this_machine(url: str) -> None:
    assert outside.url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "ftp://a",
        "a.example",
        "https://",
        "https://a:b@c",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    assert outside.url_fault(url) is not None
