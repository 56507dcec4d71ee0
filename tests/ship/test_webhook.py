"""The webhook: signed as published, taken by 2xx alone, and the same id whenever a batch comes again."""

import time
from collections.abc import Callable, Iterator

import pytest
import standardwebhooks

from app.outside import make_client
from app.ship.batch import Destination, NotTaken
from app.ship.webhook import Webhook, key_of, signature
from tests.ship.batches import LINES, deliver
from tests.support.receivers import KEY, SECRET, Fault, WebhookReceiver, receiving


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving(WebhookReceiver()) as receiver:
        yield receiver


def webhook(receiver: WebhookReceiver, key: bytes = KEY) -> Callable[[], Destination]:
    return lambda: Webhook(make_client(), f"{receiver.url}/hook", key, seconds=1)


def test_the_signature_is_that_of_the_published_example() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_library_of_standard_webhooks_finds_a_batch_genuine_and_a_changed_one_not(
    receiver: WebhookReceiver,
) -> None:
    deliver(webhook(receiver))
    ((_, headers, body),) = receiver.asked
    library = standardwebhooks.Webhook(SECRET)
    library.verify(body, headers, json_parse=False)
    for changed, sent in ((body + b"\n", headers), (body, headers | {"webhook-id": "1_5"})):
        with pytest.raises(standardwebhooks.WebhookVerificationError, match="No matching signature"):
            library.verify(changed, sent, json_parse=False)


def test_a_batch_is_one_signed_post_with_its_lines(receiver: WebhookReceiver) -> None:
    deliver(webhook(receiver))
    assert receiver.taken == [("1_4_b9144eb93d8cbf43", list(LINES))]
    ((_, headers, _),) = receiver.asked
    assert headers["content-type"] == "application/x-ndjson"


def test_a_receiver_with_another_secret_takes_nothing(receiver: WebhookReceiver) -> None:
    with pytest.raises(NotTaken, match="answer 401"):
        deliver(webhook(receiver, bytes(32)))
    assert not receiver.taken


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault.REFUSE, "answer 500"),
        (Fault.REDIRECT, "answer 307"),
        (Fault.CLOSE, "Re(mote|ad).*Error"),
        (Fault.TAKE_AND_REFUSE, "answer 500"),
        (Fault.TAKE_AND_CLOSE, "Re(mote|ad).*Error"),
        (Fault.TAKE_AND_ANSWER_HALF, "RemoteProtocolError"),
        (Fault.TAKE_AND_ANSWER_TOO_MUCH, "more than 65536 bytes"),
        (Fault.TAKE_AND_STALL, "no answer within 1 seconds"),
    ],
)
def test_what_is_not_answered_with_success_comes_again_with_the_same_id(
    receiver: WebhookReceiver, fault: Fault, why: str
) -> None:
    receiver.fail(fault)
    began = time.monotonic()
    with pytest.raises(NotTaken, match=why) as refused:
        deliver(webhook(receiver))
    assert time.monotonic() - began < 10
    assert "secret" not in str(refused.value)
    deliver(webhook(receiver))
    assert receiver.lines() == list(LINES)
    assert {headers["webhook-id"] for _, headers, _ in receiver.asked} == {"1_4_b9144eb93d8cbf43"}
    assert {path for path, _, _ in receiver.asked} == {"/hook"}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_####", SECRET.removeprefix("whsec_")])
def test_a_secret_of_another_form_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and 24 to 64 bytes"):
        key_of(secret)
    assert key_of(SECRET) == key_of(SECRET.rstrip("=")) == KEY
