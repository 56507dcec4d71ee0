"""A position belongs to one trail: another one under its name is refused in one line, and the others go on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.ship.trail import Trail, log_of
from tests.support.calls import bearer
from tests.support.receivers import WebhookReceiver, receiving
from tests.support.s3_server import BUCKET, S3Server, s3_server
from tests.support.sealing import LOG, seal, sign
from tests.support.shippers import ShipperAt
from tests.support.shippers import Trail as Written

ELSEWHERE = {"tenant": "acme", "log": "elsewhere.example", "service": "https://elsewhere.example"}


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def write_of_globex(trail: Written) -> str:
    """Write records of globex, and return a key of it."""
    key = trail.database.issue_api_key("globex")
    records = [{"agent_id": "kyc", "mode": "LIVE", "status": "success"}] * 5
    assert trail.http.post("/api/v1/audit/logs", headers=bearer(key), json=records).status_code == 201
    seal(trail.database)
    return key


def point(shipper: ShipperAt, url: str, **entry: Any) -> None:
    """Have the file say something else of the same destination."""
    (shipper.folder / "destinations.toml").unlink()
    shipper.webhook(url, **entry)


def keep(shipper: ShipperAt, **changed: Any) -> None:
    """Change members of the position."""
    (shipper.folder / "positions" / "siem.json").write_text(json.dumps(shipper.standing() | changed))


def test_another_tenant_under_the_same_name_is_refused_and_others_go_on(
    trail: Written, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(2)
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    kept = shipper.standing()
    shipper.secrets["GLOBEX_READ_KEY"] = write_of_globex(trail)
    of_globex = {"tenant": "globex", "key": {"env": "GLOBEX_READ_KEY"}}
    point(shipper, receiver.url, **of_globex)
    with receiving(WebhookReceiver()) as other:
        shipper.webhook(other.url, "other", **of_globex)
        done = shipper.once()
        assert len(other.lines()) == 5
    assert (done.returncode, receiver.lines()) == (1, trail.lines())
    assert shipper.standing() == kept
    (line,) = done.stderr.splitlines()
    assert (
        f"siem: nothing is shipped: its position is one of tenant acme at {trail.url}, and the feed is now that of"
        f" tenant globex at {trail.url}. Put back what DESTINATIONS_FILE said, or give this feed a destination of"
        " another name"
    ) in line


def test_a_service_of_another_log_is_refused_and_not_taken_for_a_restore(
    trail: Written, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(2)
    sign(trail.database, "acme")
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    for position in (shipper.standing()["position"], f"1.2.{'0' * 16}", "1.0"):
        keep(shipper, position=position, trail=ELSEWHERE)
        done = shipper.once()
        assert (done.returncode, len(receiver.asked)) == (1, 1)
        assert f"of tenant acme of log elsewhere.example, and the feed is now that of tenant acme of log {LOG}." in (
            done.stderr
        )
        assert "restored" not in done.stderr
        assert shipper.standing()["position"] == position


def test_a_batch_on_its_way_is_not_sent_again_to_another_trail(
    trail: Written, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(2)
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    keep(shipper, position="1.0", sending=shipper.standing()["position"], lines=2, trail=ELSEWHERE)
    assert shipper.once().returncode == 1
    assert len(receiver.asked) == 1


def test_a_position_of_an_earlier_release_is_taken_over_at_the_first_answer(
    trail: Written, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(2)
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    earlier = {name: shipper.standing()[name] for name in ("position", "sending", "lines")}
    (shipper.folder / "positions" / "siem.json").write_text(json.dumps(earlier))
    assert shipper.once().returncode == 0
    assert shipper.standing()["trail"] == {"tenant": "acme", "log": None, "service": trail.url}
    assert receiver.lines() == trail.lines()
    assert len(receiver.taken) == 1


def test_a_service_that_moved_is_known_by_its_log_and_without_one_by_its_url(
    trail: Written, shipper: ShipperAt, receiver: WebhookReceiver
) -> None:
    trail.write(1)
    shipper.webhook(receiver.url)
    assert shipper.once().returncode == 0
    moved = trail.url.replace("127.0.0.1", "localhost")
    point(shipper, receiver.url, service=moved)
    assert shipper.once().returncode == 1

    sign(trail.database, "acme")
    point(shipper, receiver.url)
    assert shipper.once().returncode == 0
    assert shipper.standing()["trail"] == {"tenant": "acme", "log": LOG, "service": trail.url}
    point(shipper, receiver.url, service=moved)
    trail.write(1)
    assert shipper.once().returncode == 0
    assert shipper.standing()["trail"] == {"tenant": "acme", "log": LOG, "service": moved}
    assert receiver.lines() == trail.lines()


def test_a_position_in_a_bucket_belongs_to_its_trail_too(trail: Written, shipper: ShipperAt, server: S3Server) -> None:
    shipper.s3(server)
    trail.write(2)
    assert shipper.once().returncode == 0
    at = {"Bucket": BUCKET, "Key": "acme/position.json"}
    standing = json.loads(server.client.get_object(**at)["Body"].read())
    assert standing["trail"] == {"tenant": "acme", "log": None, "service": trail.url}
    server.client.put_object(**at, Body=json.dumps(standing | {"trail": ELSEWHERE}).encode())
    trail.write(1)
    done = shipper.once()
    assert (done.returncode, len(server.lines())) == (1, 2)
    assert "archive: nothing is shipped: its position is one of tenant acme of log elsewhere.example" in done.stderr


@pytest.mark.parametrize(
    ("checkpoint", "tenant", "log"),
    [
        (None, "acme", None),
        ("audit.example/acme\n3\n", "acme", "audit.example"),
        ("audit.example/acme/2\n3\n", "acme", "audit.example"),
        ("audit.example/2/2\n3\n", "2", "audit.example"),
    ],
)
def test_the_log_is_named_by_the_first_line_of_a_checkpoint(
    checkpoint: str | None, tenant: str, log: str | None
) -> None:
    assert log_of(checkpoint, tenant) == log


@pytest.mark.parametrize("checkpoint", ["", "audit.example/globex\n3\n", "audit.example/acme", "/acme\n", "a b/acme\n"])
def test_a_checkpoint_of_anybody_else_names_no_log(checkpoint: str) -> None:
    with pytest.raises(ValueError, match="not a checkpoint of this tenant"):
        log_of(checkpoint, "acme")


def test_a_log_that_is_known_is_not_forgotten() -> None:
    known = Trail("acme", "audit.example", "https://one.example")
    assert known.is_continued_by(Trail("acme", "audit.example", "https://other.example"))
    assert not known.is_continued_by(Trail("acme", None, "https://one.example"))
    assert not known.is_continued_by(Trail("globex", "audit.example", "https://one.example"))
