"""The backlog: records that wait in the spool until the service takes them, in order."""

import logging
import threading
from collections.abc import Callable, Sequence

from ringfence._errors import NotRecorded, NotTheService, Problem, RingfenceError, Unavailable
from ringfence._sender import ABOUT_NO_RECORD, Sender, fitting
from ringfence._spool import DeadLetter, Spool

logger = logging.getLogger("ringfence")


class Backlog:
    """The spool of one client, and what the service has said last.

    is_spooling: whether records wait. Later ones wait behind them, which keeps the order and asks no caller to wait for
    an answer that does not come. is_replaying: whether the service takes them just now. is_ending: whether less than a
    batch waited at the last look; nothing is appended then, or the spool would never be empty. refusal: why no work may
    begin, where the service refuses the key, or something else has answered from the start. has_to_note: whether the
    spool has to learn whose key ours is.
    """

    def __init__(self, spool: Spool | None, sender: Sender, timeout: float, wake: Callable[[], None]) -> None:
        """wake: called when there is something for the thread to do. timeout: seconds, of make_way()."""
        self.spool = spool
        self.refusal: RingfenceError | None = None
        self.is_spooling = spool is not None and spool.count() > 0
        self.is_replaying = False
        self.is_ending = False
        self.has_to_note = False
        self._is_noted = spool is None
        self._sender = sender
        self._timeout = timeout
        self._wake = wake
        self._tenant_id: str | None = None
        self._told = ""
        self._order = threading.Lock()  # held while the disk works, so never taken on an event loop
        self._replayed = threading.Condition()
        self._replayed_batches = 0
        self._tell_others()

    def check_outage(self, error: Unavailable) -> None:
        """Raise the error if the service has never answered and something else has: records are not kept for that."""
        if isinstance(error, NotTheService) and self._tenant_id is None:
            raise error

    def note_tenant(self, tenant_id: str) -> None:
        """Note whose key ours is: the spool may hold records of another key of this tenant, or come to hold ours."""
        if self._tenant_id is None:
            self._tenant_id = tenant_id
            if self.spool is not None and self.spool.is_made():
                self.has_to_note = True
                self._wake()

    def note(self) -> None:
        """Let the spool learn whose key ours is, and replay what it holds for the tenant."""
        with self._order:
            self._note()

    def keep(self, records: Sequence[str], cause: RingfenceError | None) -> None:
        """Spool records that could not be sent, and replay them later. Raises NotRecorded, from the cause."""
        if self.spool is None:
            raise NotRecorded(f"a record could not be sent, and there is no spool: {cause}") from cause
        with self._order:
            self._note()
            self.spool.append(records)
            self.is_spooling = True
            if cause is not None:
                self._tell(cause)
        self._wake()

    def keep_outcome(self, record: str, refusal: RingfenceError) -> None:
        """Keep the outcome of work that was done and that the service refuses: another key, or a person, may send it.

        Raises the refusal where it is about the record, which is put aside, and NotRecorded, from it.
        """
        if not isinstance(refusal, Problem) or isinstance(refusal, ABOUT_NO_RECORD):
            self.keep([record], refusal)
            return
        self.put_aside(record, refusal)
        raise refusal

    def put_aside(self, record: str, refusal: Problem, number: int | None = None) -> None:
        """Keep a record that the service refuses for good as a dead letter. number: its row, where it is spooled."""
        if self.spool is None:
            logger.error("a record was refused, and there is no spool to keep it in: %s", refusal)
            return
        self.spool.put_aside(record, str(refusal), number)
        logger.error("a record was refused, and is a dead letter now: %s", refusal)

    def send(self, records: Sequence[str]) -> None:
        """Send records at once. Raises Problem and Unavailable."""
        self.note_tenant(self._sender.send(records))
        self.refusal = None

    def replay(self) -> bool:
        """Send the oldest records once; return False where the service takes none now, whatever they are."""
        assert self.spool is not None
        rows = self.spool.next(self._sender.batch_records)
        if not rows:
            self._end()
            return True
        is_ending = len(rows) < self._sender.batch_records
        rows = rows[: fitting([record for _, record in rows])]
        try:
            self.send([record for _, record in rows])
        except ABOUT_NO_RECORD as error:
            self._tell(error)
            return False
        except Problem as refusal:
            if (place := self._sender.refused_place(refusal, len(rows))) is not None:
                number, record = rows[place]
                self.put_aside(record, refusal, number)
            return True
        self.spool.let_go(rows)
        with self._replayed:
            self.is_replaying = True
            self.is_ending = is_ending
            self._replayed_batches += 1
            self._replayed.notify_all()
        return True

    def make_way(self) -> None:
        """While the spool is replayed, wait for a batch, and for the end where less than a batch is left.

        Callers that only append would never let it become empty.
        """
        with self._replayed:
            batches = self._replayed_batches

            def is_my_turn() -> bool:
                return not self.is_replaying or (self._replayed_batches > batches and not self.is_ending)

            self._replayed.wait_for(is_my_turn, self._timeout)

    def pause(self) -> None:
        """Let no caller wait for the replay: it has stopped."""
        with self._replayed:
            self.is_replaying = self.is_ending = False
            self._replayed.notify_all()

    def count(self) -> int:
        """Return how many records wait."""
        return self.spool.count() if self.spool is not None else 0

    def dead_letters(self) -> list[DeadLetter]:
        """Return the records that were put aside, oldest first."""
        return self.spool.dead_letters() if self.spool is not None else []

    def resend(self, letter: DeadLetter) -> None:
        """Let a record that was put aside wait again. Raises ValueError if the spool has it no more."""
        if self.spool is None:
            raise ValueError("there is no spool, and so no dead letter")
        with self._order:
            self.spool.resend(letter)
            self.is_spooling = True
        self._wake()

    def _note(self) -> None:
        if self.spool is None or self._is_noted or self._tenant_id is None:
            return
        self.spool.note_tenant(self._tenant_id)
        self._is_noted, self.has_to_note = True, False
        self.is_spooling = self.is_spooling or self.spool.count() > 0

    def _tell_others(self) -> None:
        """Log how many records this key may not send: nobody else would ever tell that they are there."""
        others = self.spool.count_of_others() if self.spool is not None else {}
        if others:
            logger.warning(
                "%d records of other keys (%s) wait in the spool, for these keys, or for another one of their tenant"
                " once the service has acknowledged both",
                sum(others.values()),
                ", ".join(others),
            )

    def _tell(self, error: RingfenceError) -> None:
        """Log why records wait, once for each reason, and refuse new work where it is no outage."""
        is_outage = isinstance(error, Unavailable)
        if isinstance(error, NotTheService):
            is_outage = self._tenant_id is not None
        if not is_outage:
            self.refusal = error
        if self._told != str(error):
            self._told = str(error)
            logger.log(logging.WARNING if is_outage else logging.ERROR, "records wait in the spool: %s", error)

    def _end(self) -> None:
        assert self.spool is not None
        with self._order:  # nobody appends meanwhile
            if self.spool.count() > 0:
                return
            self.is_spooling = False
            self.refusal = None
            self._told = ""
        self.pause()
        logger.info("the spool is empty")
