"""What each place of the soak has in the end, against the feed: lost, doubled, out of order."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.support.receivers import SplunkReceiver
from tests.support.s3_server import S3Server
from tests.support.syslog_receiver import SyslogReceiver


@dataclass(frozen=True)
class Place:
    """One destination of a tenant's feed in a format.

    taken: names of records and statements in the order in which they came; kept: without what it can drop.
    """

    name: str
    tenant: str
    form: str
    taken: Callable[[], list[str]]
    kept: Callable[[], list[str]]


@dataclass(frozen=True)
class Verdict:
    """What a place has in the end, against the feed. Counts of records and statements."""

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


def judge(place: Place, wanted: Sequence[str], gone: Collection[str]) -> Verdict:
    """Compare what a place has with what the feed has. gone: records that were pruned, which it may have."""
    taken, kept = place.taken(), [each for each in place.kept() if each not in gone]
    first = list(dict.fromkeys(kept))
    rank = {name: number for number, name in enumerate(wanted)}
    ranks = [rank.get(name, -1) for name in first]
    behind = sum(one > other for one, other in pairwise(ranks)) + ranks.count(-1)
    lost = len(set(wanted) - set(kept))
    return Verdict(place.name, len(wanted), len(taken) - len(set(taken)), lost, len(kept) - len(first), behind)


def names(lines: Iterable[bytes]) -> list[str]:
    """Return a name of each line of a feed."""
    return [_name(json.loads(line)) for line in lines]


def _name(found: dict[str, Any]) -> str:
    """Return the id of a record in any format, or the leaf of a statement."""
    if "statement" in found:
        return f"statement {found['epoch']}.{found['leaf_index']}"
    return str(found["metadata"]["uid"] if "metadata" in found else found["id"])


def of_splunk(receiver: SplunkReceiver) -> list[str]:
    """Return the names of what is indexed."""
    events: list[Any] = [each["event"] for each in list(receiver.events)]
    return [_name(each) for each in events]


def of_syslog(receiver: SyslogReceiver) -> list[str]:
    """Return the names of what came."""
    return names([each.text for each in list(receiver.taken)])


def of_store(store: S3Server) -> list[bytes]:
    """Return the lines of the first object of each span of leaves: there are two where something was erased between."""
    objects = {name.rsplit(".", 2)[0]: name for name in reversed(store.names())}
    return [line for name in sorted(objects.values()) for line in store.lines_of(name)]
