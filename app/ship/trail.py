"""Whose records a position counts. Those of two trails look alike, and one must never be taken for the other's."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Trail:
    """One tenant's trail.

    log: the name of the log that signs it, as its checkpoints have it; None before the first. service: URL that it was
    read from. A log never changes its name, and a URL changes when the service moves: it counts only until the log is
    known.
    """

    tenant: str
    log: str | None
    service: str

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Trail":
        """Return what to_json() has made. Raises ValueError, KeyError and TypeError."""
        tenant, log, service = found["tenant"], found["log"], found["service"]
        if not isinstance(tenant, str) or not isinstance(service, str) or not isinstance(log, str | None):
            raise ValueError("not a trail")
        return cls(tenant, log, service)

    def to_json(self) -> dict[str, str | None]:
        """Return its members."""
        return asdict(self)

    def is_continued_by(self, other: "Trail") -> bool:
        """Return whether a position of this trail is one of the other's, which was read later."""
        if self.log is None:
            return (self.tenant, self.service) == (other.tenant, other.service)
        return (self.tenant, self.log) == (other.tenant, other.log)

    def __str__(self) -> str:
        """Return it for a sentence."""
        return f"tenant {self.tenant} " + (f"at {self.service}" if self.log is None else f"of log {self.log}")


def log_of(checkpoint: str | None, tenant: str) -> str | None:
    """Return the name of the log that has signed a checkpoint of a tenant. Raises ValueError."""
    if checkpoint is None:
        return None
    # LOG/TENANT, or LOG/TENANT/EPOCH from the second epoch on
    found = re.match(rf"([!-~]{{1,300}}?)/{re.escape(tenant)}(?:/[1-9][0-9]{{0,8}})?\n", checkpoint)
    if not found:
        raise ValueError("not a checkpoint of this tenant")
    return found[1]
