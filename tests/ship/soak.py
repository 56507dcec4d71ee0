"""`make feed-soak`: writers through the service, a shipper that is killed again and again, receivers that fail.

`make feed-soak-quick` is the same for some seconds. In the end each receiver must have every record of the feed, in its
order, and none twice where it can drop what comes again. Exits with 1 where a promise was broken, having said which.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from app import migrate
from app.database_url import forget_libpq_variables
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.chaos.service import Service
from tests.support import receivers, syslog_receiver
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.receivers import TOKEN, SplunkReceiver, WebhookReceiver, receiving
from tests.support.shippers import ShipperAt
from tests.support.syslog_receiver import SyslogReceiver, receiving_syslog

DATABASE = "ringfence"
TENANTS = ("acme", "globex")
_FAILING = 0.2
"""Share of the requests and connections that a receiver fails."""
_LIFE = (0.3, 2.5)
"""Seconds that a shipper lives once it has shipped something, between these."""
_HTTP_FAULTS = [fault for fault in receivers.Fault if fault not in (receivers.Fault.NONE, receivers.Fault.ANSWER_LATE)]
_SYSLOG_FAULTS = [fault for fault in syslog_receiver.Fault if fault is not syslog_receiver.Fault.NONE]
_MAX_CATCHING_UP = 60.0


@dataclass(frozen=True)
class Place:
    """One destination. taken: ids of records in the order in which they came; kept: without what it can drop."""

    name: str
    tenant: str
    taken: Callable[[], list[str]]
    kept: Callable[[], list[str]]


@dataclass(frozen=True)
class Verdict:
    """What a place has in the end, against the feed. Counts of records."""

    place: str
    shipped: int
    again: int
    lost: int
    doubled: int
    out_of_order: int

    @property
    def is_good(self) -> bool:
        """Whether what docs/ship.md promises was kept. Splunk cannot drop what comes again."""
        return not self.lost and not self.out_of_order and (not self.doubled or self.place == "splunk")

    def __str__(self) -> str:
        """Return it as one line."""
        return (
            f"{'ok  ' if self.is_good else 'FAIL'}  {self.place}: {self.shipped:,} records, {self.again:,} came again;"
            f" {self.lost} lost, {self.doubled} doubled, {self.out_of_order} out of order"
        )


def judge(place: Place, wanted: Sequence[str]) -> Verdict:
    """Compare what a place has with the ids of the feed."""
    taken, kept = place.taken(), place.kept()
    first = list(dict.fromkeys(kept))
    rank = {record: number for number, record in enumerate(wanted)}
    ranks = [rank.get(record, -1) for record in first]
    behind = sum(one > other for one, other in pairwise(ranks)) + ranks.count(-1)
    lost = len(set(wanted) - set(kept))
    return Verdict(place.name, len(wanted), len(taken) - len(set(taken)), lost, len(kept) - len(first), behind)


class Soak:
    """A service with its database, the receivers, and a shipper between them."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.cluster = Cluster(wheel_binaries(), folder / "primary")
        self.keys: dict[str, str] = {}
        self.acknowledged: dict[str, list[str]] = {tenant: [] for tenant in TENANTS}
        self.places: list[Place] = []
        self.receivers: list[Any] = []
        self.kills = self.faults = 0
        self._stopped = threading.Event()
        self.service: Service
        self.shipper: ShipperAt

    @contextmanager
    def open(self) -> Iterator["Soak"]:
        """Set everything up, and take it down again whatever happens."""
        with ExitStack() as stack:
            stack.callback(self.cluster.remove)
            self.cluster.start("max_connections=60")
            self.cluster.query(f"CREATE DATABASE {DATABASE}")
            migrate.apply(self.cluster.url("postgres", DATABASE))
            for tenant in TENANTS:
                self.cluster.query(f"SELECT audit.create_tenant('{tenant}')", DATABASE)
                ((key,),) = self.cluster.query(f"SELECT audit.issue_api_key('{tenant}', 'soak')", DATABASE)
                self.keys[tenant] = str(key)
            self.service = Service(self.folder / "spool", database_url=self.cluster.url("audit_app", DATABASE))
            stack.callback(self.service.stop)
            self.service.start()
            self._add_places(stack)
            yield self

    def _add_places(self, stack: ExitStack) -> None:
        secrets = {f"{tenant.upper()}_READ_KEY": key for tenant, key in self.keys.items()}
        url = f"http://127.0.0.1:{self.service.port}"
        self.shipper = ShipperAt(self.folder, url, secrets=secrets | {"SPLUNK_TOKEN": TOKEN})
        one = stack.enter_context(receiving(WebhookReceiver()))
        other = stack.enter_context(receiving(WebhookReceiver()))
        splunk = stack.enter_context(receiving(SplunkReceiver()))
        syslog = stack.enter_context(receiving_syslog(self.folder))
        self.receivers = [one, other, splunk, syslog]
        self.shipper.webhook(one.url, "webhook", limit=50, to={"seconds": 1})
        of_globex = {"tenant": "globex", "key": {"env": "GLOBEX_READ_KEY"}, "format": "cloudevents"}
        self.shipper.webhook(other.url, "cloudevents", **of_globex, to={"seconds": 1})
        token = {"env": "SPLUNK_TOKEN"}
        to = {"kind": "splunk", "url": splunk.url, "token": token, "seconds": 1, "ack_seconds": 1}
        self.shipper.destination("splunk", to, format="ocsf", limit=100)
        to = {"kind": "syslog", "host": "127.0.0.1", "port": syslog.port, "ca_file": syslog.ca_file, "seconds": 1}
        self.shipper.destination("syslog", to, limit=100)
        self.places = [
            Place("webhook", "acme", lambda: _ids(one.all_lines()), lambda: _ids(one.lines())),
            Place("cloudevents", "globex", lambda: _ids(other.all_lines()), lambda: _ids(other.lines())),
            Place("splunk", "acme", lambda: _of_splunk(splunk), lambda: _of_splunk(splunk)),
            Place("syslog", "acme", lambda: _of_syslog(syslog), lambda: _ids(syslog.lines())),
        ]

    def run(self, seconds: float) -> None:
        """Write, ship, kill and fail for so long."""
        self._fail(_FAILING)
        with ThreadPoolExecutor(len(TENANTS)) as pool:
            writers = [pool.submit(self._write, tenant) for tenant in TENANTS]
            try:
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    self._let_live()
            finally:
                self._stopped.set()
            for writer in writers:
                writer.result()

    def catch_up(self) -> float:
        """Let a shipper that nobody kills ship the rest; return the seconds that it takes."""
        self._fail(0)
        for receiver in self.receivers:
            receiver.released.set()
        eventually(lambda: all(set(self.acknowledged[each]) <= self._users(each) for each in TENANTS), within=30)
        wanted = {tenant: set(_ids(self.feed(tenant))) for tenant in TENANTS}
        began = time.monotonic()
        with self.shipper.running() as (process, output):
            eventually(
                lambda: (
                    all(wanted[place.tenant] <= set(place.kept()) for place in self.places)
                    or time.monotonic() - began > _MAX_CATCHING_UP
                ),
                within=_MAX_CATCHING_UP + 30,
            )
            process.terminate()  # so that what was just taken is acknowledged, too
            assert process.wait(30) == 0, output.read_text()
        return time.monotonic() - began

    def feed(self, tenant: str) -> list[bytes]:
        """Return the lines of the tenant's feed."""
        url, after, found = f"http://127.0.0.1:{self.service.port}/api/v1/audit/feed", "1.0", list[bytes]()
        while True:
            query = {"after": after, "limit": "10000"}
            answer = httpx.get(url, headers=bearer(self.keys[tenant]), params=query, timeout=30, trust_env=False)
            *lines, last = answer.raise_for_status().content.splitlines()
            found += lines
            end = json.loads(last)
            after = end["position"]
            if not end["has_more"]:
                return found

    def _users(self, tenant: str) -> set[str]:
        return {json.loads(line)["user_id"] for line in self.feed(tenant)}

    def _let_live(self) -> None:
        """Start a shipper, and kill it some time after it has shipped something."""
        before = sum(len(place.taken()) for place in self.places)
        process = self.shipper.start()
        try:
            eventually(lambda: sum(len(place.taken()) for place in self.places) > before)
            time.sleep(self.chance.uniform(*_LIFE))  # the moment of its death is what is tried here
            assert process.poll() is None, "the shipper has ended by itself"
        finally:
            process.kill()
            process.wait()
        self.kills += 1

    def _write(self, tenant: str) -> None:
        url, number = f"http://127.0.0.1:{self.service.port}/api/v1/audit/logs", 0
        record = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}
        with httpx.Client(headers=bearer(self.keys[tenant]), timeout=30, trust_env=False) as client:
            while not self._stopped.is_set():
                number += 1
                users = [f"user {number}.{each}" for each in range(self.chance.randint(1, 40))]
                answer = client.post(url, json=[record | {"user_id": user} for user in users])
                assert answer.status_code == 201, answer.text
                self.acknowledged[tenant] += users
                self._stopped.wait(self.chance.uniform(0, 0.1))

    def _fail(self, share: float) -> None:
        for receiver in self.receivers:
            kinds: Any = syslog_receiver.Fault if isinstance(receiver, SyslogReceiver) else receivers.Fault
            faults: Any = _SYSLOG_FAULTS if isinstance(receiver, SyslogReceiver) else _HTTP_FAULTS
            receiver.next_fault = lambda kinds=kinds, faults=faults: self._next(kinds.NONE, faults, share)

    def _next(self, none: Any, faults: Sequence[Any], share: float) -> Any:
        if self.chance.random() >= share:
            return none
        self.faults += 1
        return self.chance.choice(faults)


def _ids(lines: Sequence[bytes]) -> list[str]:
    return [str(json.loads(line)["id"]) for line in lines]


def _of_splunk(receiver: SplunkReceiver) -> list[str]:
    events: list[Any] = [each["event"] for each in list(receiver.events)]
    return [str(each["metadata"]["uid"]) for each in events]


def _of_syslog(receiver: SyslogReceiver) -> list[str]:
    return _ids([each.text for each in list(receiver.taken)])


def main() -> int:
    """Soak, count, and show; return 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.ship.soak", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="for some seconds")
    parser.add_argument("--seconds", type=float, help="for so long (default: 120, quick 12)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults and of the times")
    arguments = parser.parse_args()
    seconds = arguments.seconds or (12 if arguments.quick else 120)
    forget_libpq_variables()  # the servers are our own
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ringfence-soak-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another OS user where we are root
        with Soak(folder, random.Random(arguments.seed)).open() as soak:
            soak.run(seconds)
            took = soak.catch_up()
            verdicts = [judge(place, _ids(soak.feed(place.tenant))) for place in soak.places]
    for verdict in verdicts:
        print(verdict, flush=True)
    acknowledged = sum(map(len, soak.acknowledged.values()))
    print(
        f"{acknowledged:,} records acknowledged, {soak.kills} kills of the shipper, {soak.faults} faults of receivers;"
        f" caught up in {took:.1f} s; {time.monotonic() - began:.0f} seconds in all"
    )
    return 0 if soak.kills and soak.faults and all(verdict.is_good for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
