"""What happens when an agent is asked: nothing but a record in DRY_RUN; record, call, record in LIVE."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from app.http.schemas import ExecuteRequest
from app.model.credential import Credential
from app.model.record import AuditEvent
from app.model.refusals import AgentUnknown, LiveDisabled, OutcomeNotRecorded, OutcomeUnknown, StorageUnavailable
from app.model.uuid_v7 import uuid_v7
from app.services.agents import Agent, AgentClient, encode_input
from app.services.audit_logger import AuditLogger


class Executions:
    """Executes agents, and records each execution before it is answered for."""

    def __init__(
        self, audit_logger: AuditLogger, agents: Mapping[str, Agent], client: AgentClient, *, live_enabled: bool
    ) -> None:
        self._audit_logger = audit_logger
        self._agents = agents
        self._client = client
        self._live_enabled = live_enabled
        self._calls: set[asyncio.Task[Any]] = set()

    async def drain(self) -> None:
        """Return when no call of an agent is under way, and each has its second record; or after ten seconds."""
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=10)

    async def execute(
        self,
        credential: Credential,
        trace_id: str,
        agent_id: str,
        request: ExecuteRequest,
        *,
        wait_elsewhere: Callable[[], bool] | None = None,
    ) -> dict[str, Any]:
        """Execute one request and return the fields of ExecuteResponse, once its record is committed.

        wait_elsewhere: called before an agent is; False when too many requests wait for agents already.

        Raises LiveDisabled or AgentUnknown, the refusal being recorded; StorageUnavailable when nothing was recorded
        and so nothing called; OutcomeNotRecorded when the agent was called and its outcome could not be recorded.
        """
        execution = _Execution(self._audit_logger, credential, trace_id, agent_id, request)
        agent = self._agents.get(agent_id)
        if request.mode != "LIVE":
            would_call = {"method": "POST", "url": agent.shown_url} if agent else None
            output = {"would_call": would_call, "live_enabled": self._live_enabled}
            return {**await execution.record("success"), "output": output}
        if not self._live_enabled:
            await execution.record("denied", error="LIVE is disabled")
            raise LiveDisabled("LIVE is disabled: the operator enables it with LIVE_ENABLED; the refusal is recorded")
        if agent is None:
            await execution.record("denied", error="the agent is not configured")
            raise AgentUnknown("no agent of this name is configured for LIVE; the refusal is recorded")

        content = encode_input(request.input)
        if wait_elsewhere is not None and not wait_elsewhere():
            raise StorageUnavailable("too many requests wait for agents")
        task = asyncio.current_task()
        assert task
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        await execution.record("started", allow_spool=False)
        try:
            outcome = await self._client.call(agent, trace_id, content)
        except asyncio.CancelledError:
            # The agent may have acted already. What is known is that nobody waited for its answer.
            await asyncio.shield(execution.record("error", error="the service stopped waiting for the agent"))
            raise
        try:
            fields = await execution.record(
                "success" if outcome.error is None else "error",
                http_status=outcome.http_status,
                latency_ms=outcome.latency_ms,
                error=outcome.error,
            )
        except (StorageUnavailable, OutcomeUnknown) as error:
            raise OutcomeNotRecorded(
                "the agent was called, and its outcome could not be recorded; the record of the start stands"
            ) from error
        return {**fields, "output": outcome.output}


class _Execution:
    """The records of one request: same trace, agent, mode and user."""

    def __init__(
        self, audit_logger: AuditLogger, credential: Credential, trace_id: str, agent_id: str, request: ExecuteRequest
    ) -> None:
        self._audit_logger = audit_logger
        self._credential = credential
        self._trace_id = trace_id
        self._agent_id = agent_id
        self._request = request

    async def record(
        self,
        status: str,
        *,
        http_status: int | None = None,
        latency_ms: int | None = None,
        error: str | None = None,
        allow_spool: bool = True,
    ) -> dict[str, Any]:
        """Store one record; return the fields of the answer that come from it. allow_spool: as for write_log()."""
        event_id: UUID = uuid_v7()
        event = AuditEvent(
            id=event_id,
            trace_id=self._trace_id,
            agent_id=self._agent_id,
            mode=self._request.mode,
            status=status,
            user_id=self._request.user_id,
            http_status=http_status,
            latency_ms=latency_ms,
            error=error,
        )
        stored = await self._audit_logger.write_log(self._credential, event, allow_spool=allow_spool)
        return {
            "id": str(event_id),
            "trace_id": self._trace_id,
            **stored.as_response(),
            "agent_id": self._agent_id,
            "mode": self._request.mode,
            "status": status,
            "http_status": http_status,
            "latency_ms": latency_ms,
        }
