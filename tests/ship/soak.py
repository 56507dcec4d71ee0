"""`make feed-soak`: writers through the service, which is killed like the shipper, and receivers that fail.

Records are pruned and erased meanwhile. `make feed-soak-quick` is the same for some seconds. In the end each receiver
must have every record and statement of the feed, in its order, and none twice where it can drop what comes again.
Exits with 1 where a promise was broken, having said which.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app import migrate
from app.database_url import forget_libpq_variables
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.chaos.service import Service
from tests.ship.places import Place, Verdict, judge, names, of_splunk, of_store, of_syslog
from tests.support import receivers, syslog_receiver
from tests.support.aged_records import write_aged
from tests.support.calls import bearer
from tests.support.database import TestDatabase
from tests.support.polling import eventually
from tests.support.receivers import TOKEN, SplunkReceiver, WebhookReceiver, receiving
from tests.support.s3_server import s3_server
from tests.support.shippers import ShipperAt
from tests.support.syslog_receiver import SyslogReceiver, receiving_syslog

DATABASE = "ringfence"
TENANTS = ("acme", "globex")
_PERSON = "erika"
"""Whose records are erased."""
_FAILING = 0.2
"""Share of the requests and connections that a receiver fails."""
_LIFE = (0.3, 2.5)
"""Seconds that a shipper lives once it has shipped something, between these."""
_LIVES = 3
"""Of shippers, in the last of which the service is killed too."""
_HTTP_FAULTS = [fault for fault in receivers.Fault if fault not in (receivers.Fault.NONE, receivers.Fault.ANSWER_LATE)]
_SYSLOG_FAULTS = [fault for fault in syslog_receiver.Fault if fault is not syslog_receiver.Fault.NONE]
_MAX_CATCHING_UP = 60.0


class Soak:
    """A service with its database, the receivers, and a shipper between them."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.cluster = Cluster(wheel_binaries(), folder / "primary")
        self.keys: dict[str, str] = {}
        self.acknowledged: dict[str, list[str]] = {tenant: [] for tenant in TENANTS}
        self.aged: set[str] = set()
        self.places: list[Place] = []
        self.receivers: list[Any] = []
        self.kills = self.service_kills = self.faults = self.pruned = self.erased = 0
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
                self.cluster.query(f"SELECT audit.set_retention('{tenant}', NULL, 1)", DATABASE)
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
        store = stack.enter_context(s3_server())
        self.receivers = [one, other, splunk, syslog]
        self.shipper.webhook(one.url, "webhook", limit=50, to={"seconds": 1})
        of_globex = {"tenant": "globex", "key": {"env": "GLOBEX_READ_KEY"}, "format": "cloudevents"}
        self.shipper.webhook(other.url, "cloudevents", **of_globex, to={"seconds": 1})
        token = {"env": "SPLUNK_TOKEN"}
        to = {"kind": "splunk", "url": splunk.url, "token": token, "seconds": 1, "ack_seconds": 1}
        self.shipper.destination("splunk", to, format="ocsf", limit=100)
        to = {"kind": "syslog", "host": "127.0.0.1", "port": syslog.port, "ca_file": syslog.ca_file, "seconds": 1}
        self.shipper.destination("syslog", to, limit=100)
        self.shipper.s3(store, to={"block_seconds": 0.5})
        self.places = [
            Place("webhook", "acme", "ringfence", lambda: names(one.all_lines()), lambda: names(one.lines())),
            Place(
                "cloudevents", "globex", "cloudevents", lambda: names(other.all_lines()), lambda: names(other.lines())
            ),
            Place("splunk", "acme", "ocsf", lambda: of_splunk(splunk), lambda: of_splunk(splunk)),
            Place("syslog", "acme", "ringfence", lambda: of_syslog(syslog), lambda: names(syslog.lines())),
            Place("s3", "acme", "ringfence", lambda: names(store.lines()), lambda: names(of_store(store))),
        ]

    def run(self, seconds: float) -> None:
        """Write, ship, kill and fail for so long."""
        self._fail(_FAILING)
        with ThreadPoolExecutor(len(TENANTS) + 1) as pool:
            writers = [pool.submit(self._write, tenant) for tenant in TENANTS] + [pool.submit(self._take_away)]
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
        wanted = {place.name: set(names(self.feed(place.tenant, place.form))) for place in self.places}
        began = time.monotonic()
        with self.shipper.running() as (process, output):
            eventually(
                lambda: (
                    all(wanted[place.name] <= set(place.kept()) for place in self.places)
                    or time.monotonic() - began > _MAX_CATCHING_UP
                ),
                within=_MAX_CATCHING_UP + 30,
            )
            process.terminate()  # so that what was just taken is acknowledged, too
            assert process.wait(30) == 0, output.read_text()
        return time.monotonic() - began

    def feed(self, tenant: str, form: str = "ringfence") -> list[bytes]:
        """Return the lines of the tenant's feed, in a format."""
        url, after, found = f"http://127.0.0.1:{self.service.port}/api/v1/audit/feed", "1.0", list[bytes]()
        while True:
            query = {"after": after, "limit": "10000", "format": form}
            answer = httpx.get(url, headers=bearer(self.keys[tenant]), params=query, timeout=30, trust_env=False)
            *lines, last = answer.raise_for_status().content.splitlines()
            found += lines
            end = json.loads(last)
            after = end["position"]
            if not end["has_more"]:
                return found

    def judge(self, place: Place) -> Verdict:
        """Compare what a place has with its feed."""
        wanted = names(self.feed(place.tenant, place.form))
        return judge(place, wanted, self.aged - set(wanted))

    def _users(self, tenant: str) -> set[str]:
        return {json.loads(line).get("user_id") for line in self.feed(tenant)}

    def _let_live(self) -> None:
        """Start a shipper, and kill it some time after it has shipped something; sometimes the service, too."""
        process = self.shipper.start()
        try:
            if self.kills % _LIVES == _LIVES - 1:
                self._see_shipped()
                self.service.kill()
                self.service_kills += 1
                self.service.start()
            self._see_shipped()
            time.sleep(self.chance.uniform(*_LIFE))  # the moment of its death is what is tried here
            assert process.poll() is None, "the shipper has ended by itself"
        finally:
            process.kill()
            process.wait()
        self.kills += 1

    def _see_shipped(self) -> None:
        places = [place for place in self.places if place.name != "s3"]  # which would be asked for every object
        before = sum(len(place.taken()) for place in places)
        eventually(lambda: sum(len(place.taken()) for place in places) > before)

    def _write(self, tenant: str) -> None:
        url, number = f"http://127.0.0.1:{self.service.port}/api/v1/audit/logs", 0
        record = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}
        with httpx.Client(headers=bearer(self.keys[tenant]), timeout=30, trust_env=False) as client:
            while not self._stopped.is_set():
                number += 1
                users = [f"user {number}.{each}" for each in range(self.chance.randint(1, 40))]
                try:
                    answer = client.post(url, json=[record | {"user_id": user} for user in [*users, _PERSON]])
                except httpx.TransportError:  # the service was killed, and nobody knows what it has stored
                    answer = None
                if answer is not None and answer.status_code == 201:
                    self.acknowledged[tenant] += users
                else:
                    assert answer is None or answer.status_code == 503, answer.text
                self._stopped.wait(self.chance.uniform(0, 0.1))

    def _take_away(self) -> None:
        """Write records that are due at once, prune what is sealed of them, and erase a person, again and again."""
        with psycopg.connect(self.cluster.url("postgres", DATABASE), autocommit=True) as superuser:
            database = TestDatabase(superuser)
            while not self._stopped.wait(0.3):
                self.aged |= set(write_aged(database, days=2, count=20, sealed=False, mode="DRY_RUN"))
                ((pruned,),) = database.execute("SELECT pruned FROM audit.prune_records(100)")
                ((erased,),) = database.execute("SELECT erased FROM audit.erase_user('acme', %s, 'request')", _PERSON)
                self.pruned += pruned
                self.erased += erased

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
            verdicts = [soak.judge(place) for place in soak.places]
    for verdict in verdicts:
        print(verdict, flush=True)
    acknowledged = sum(map(len, soak.acknowledged.values()))
    print(
        f"{acknowledged:,} records acknowledged, {soak.kills} kills of the shipper, {soak.service_kills} of the"
        f" service, {soak.faults} faults of receivers, {soak.pruned} records pruned, {soak.erased} erased;"
        f" caught up in {took:.1f} s; {time.monotonic() - began:.0f} seconds in all"
    )
    tried = soak.kills and soak.service_kills and soak.faults and soak.pruned and soak.erased
    return 0 if tried and all(verdict.is_good for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
