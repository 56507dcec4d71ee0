"""Executions of agents. DRY_RUN writes a record and calls nothing; LIVE writes a record, calls, and writes another."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.model.context import Context
from app.model.credential import Credential
from app.model.record import Record
from app.model.refusals import AgentUnknown, LiveDisabled, OutcomeNotRecorded, OutcomeUnknown, StorageUnavailable
from app.model.strict_json import dump
from app.model.uuid_v7 import uuid_v7
from app.services.agents import Agent, AgentClient
from app.services.audit_logger import AuditLogger, Stored


@dataclass(frozen=True, slots=True)
class Execution:
    """What became of a request, on record. output: the agent's; in DRY_RUN, what would be called."""

    record: Record
    stored: Stored
    output: Any


class Executions:
    """Executes agents, and records each execution before it is answered."""

    def __init__(
        self, audit_logger: AuditLogger, agents: Mapping[str, Agent], client: AgentClient, *, live_enabled: bool
    ) -> None:
        self._audit_logger = audit_logger
        self._agents = agents
        self._client = client
        self._live_enabled = live_enabled
        # What DRY_RUN answers depends on the agent alone: it is hashed once.
        self._dry_answers = {name: self._dry_answer(agent) for name, agent in agents.items()}
        self._no_agent = self._dry_answer(None)
        self._calls: set[asyncio.Task[Any]] = set()

    async def drain(self) -> None:
        """Return when every call of an agent has ended and has its second record, or after ten seconds."""
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=10)

    async def execute(
        self,
        credential: Credential,
        agent_input: bytes,
        *,
        trace_id: str,
        agent_id: str,
        mode: str,
        user_id: str | None,
        context: Context | None = None,
        block: Callable[[], bool] | None = None,
    ) -> Execution:
        """Execute one request, and return once its record is committed.

        agent_input: JSON, as the agent gets it. context: the caller's, without the hashes, which are added here.
        block: called before an agent is; False when too many requests are blocked on agents already.

        Raises LiveDisabled or AgentUnknown, the refusal being recorded; StorageUnavailable when nothing was recorded
        and so nothing called; OutcomeNotRecorded when the agent was called and its outcome could not be recorded.
        """
        given = {**(context or {}), "input_sha256": hashlib.sha256(agent_input).hexdigest()}
        write = partial(
            self._write, credential, trace_id=trace_id, agent_id=agent_id, mode=mode, user_id=user_id, context=given
        )
        agent = self._agents.get(agent_id)
        if mode != "LIVE":
            output, sha256 = self._dry_answers.get(agent_id, self._no_agent)
            written = await write(status="success", context={**given, "output_sha256": sha256})
            return Execution(*written, output)
        if not self._live_enabled:
            await write(status="denied", error="LIVE is disabled")
            raise LiveDisabled("LIVE is disabled: the operator enables it with LIVE_ENABLED; the refusal is recorded")
        if agent is None:
            await write(status="denied", error="the agent is not configured")
            raise AgentUnknown("no agent of this name is configured for LIVE; the refusal is recorded")

        if block is not None and not block():
            raise StorageUnavailable("too many requests wait for agents")
        task = asyncio.current_task()
        assert task
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        await write(allow_spool=False, status="started")
        try:
            outcome = await self._client.call(agent, trace_id, agent_input)
        except asyncio.CancelledError:
            # The agent may have acted already. All that is known is that the service stopped waiting for the answer.
            error = "the service stopped waiting for the agent"
            await asyncio.shield(write(status="error", error=error))
            raise
        try:
            written = await write(
                status="success" if outcome.error is None else "error",
                http_status=outcome.http_status,
                latency_ms=outcome.latency_ms,
                error=outcome.error,
                context={**given, "output_sha256": outcome.sha256} if outcome.sha256 else given,
            )
        except (StorageUnavailable, OutcomeUnknown) as error:
            raise OutcomeNotRecorded(
                "the agent was called, and its outcome could not be recorded; the record of the start stands"
            ) from error
        return Execution(*written, outcome.output)

    def _dry_answer(self, agent: Agent | None) -> tuple[Any, str]:
        """Return the output of DRY_RUN and the SHA-256 of its bytes in the answer."""
        would_call = {"method": "POST", "url": agent.shown_url} if agent else None
        output = {"would_call": would_call, "live_enabled": self._live_enabled}
        return output, hashlib.sha256(dump(output).encode()).hexdigest()

    async def _write(self, credential: Credential, *, allow_spool: bool = True, **fields: Any) -> tuple[Record, Stored]:
        """Store a record with these fields."""
        record = Record(id=uuid_v7(), **fields)
        return record, await self._audit_logger.write_log(credential, record, allow_spool=allow_spool)
