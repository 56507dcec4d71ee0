"""A callback handler of LangChain: runs of chains, tools and models are executions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from ringfence._client import Client
from ringfence._execution import Execution
from ringfence._records import Mode


class RingfenceCallbackHandler(BaseCallbackHandler):
    """Records the outermost run, and each call of a tool or a model in it, all under one trace id.

    Prompts, arguments and answers are not recorded. raise_error: LangChain ends a run that cannot be recorded, where it
    would otherwise log that and go on. Its async runs call the handler in a thread.
    """

    raise_error = True

    def __init__(self, audit: Client, agent: str, *, user: str | None = None, mode: Mode = "LIVE") -> None:
        """agent, user, mode: as of Client.execution()."""
        self._audit = audit
        self._agent = agent
        self._user = user
        self._mode: Mode = mode
        self._executions: dict[UUID, Execution] = {}
        self._roots: dict[UUID, UUID] = {}  # of every run that has not ended

    def _note(self, run_id: UUID, parent_run_id: UUID | None) -> None:
        self._roots[run_id] = self._roots.get(parent_run_id, parent_run_id) if parent_run_id else run_id

    def _begin(self, run_id: UUID, parent_run_id: UUID | None, **about: str) -> None:
        self._note(run_id, parent_run_id)
        context = {"span_id": _span(run_id), **about}
        if parent_run_id:
            context["parent_span_id"] = _span(parent_run_id)
        try:
            self._executions[run_id] = self._audit.begin(
                self._agent, user=self._user, mode=self._mode, trace_id=self._roots[run_id].hex, context=context
            )
        except BaseException:
            del self._roots[run_id]
            raise

    def _end(self, run_id: UUID, error: BaseException | None = None) -> None:
        self._roots.pop(run_id, None)
        if (execution := self._executions.pop(run_id, None)) is not None:
            self._audit.end(execution, error)

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        """Begin the outermost run; one inside of it is not recorded."""
        if parent_run_id is None:
            self._begin(run_id, None)
        else:
            self._note(run_id, parent_run_id)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """Record that the outermost run succeeded."""
        self._end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Record that it failed, with the exception's class."""
        self._end(run_id, error)

    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        """Begin a call of a tool."""
        self._begin(run_id, parent_run_id, **_named("gen_ai.tool.name", (serialized or {}).get("name")))

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """Record that the tool answered; a ToolMessage of status error is one."""
        if (execution := self._executions.get(run_id)) and getattr(output, "status", None) == "error":
            execution.fail("the tool answered with an error")
        self._end(run_id)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Record that it failed, with the exception's class."""
        self._end(run_id, error)

    def on_llm_start(
        self, serialized: Any, prompts: list[str], *, run_id: UUID, parent_run_id: UUID | None = None, **more: Any
    ) -> None:
        """Begin a call of a model."""
        self._begin(run_id, parent_run_id, **_named("gen_ai.request.model", _model(more)))

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **more: Any
    ) -> None:
        """Begin a call of a chat model."""
        self._begin(run_id, parent_run_id, **_named("gen_ai.request.model", _model(more)))

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        """Record that the model answered."""
        self._end(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Record that it failed, with the exception's class."""
        self._end(run_id, error)


def _span(run_id: UUID) -> str:
    return run_id.hex[16:]


def _named(name: str, value: object) -> dict[str, str]:
    return {name: value[:256]} if isinstance(value, str) and value else {}


def _model(more: Mapping[str, Any]) -> object:
    return (more.get("metadata") or {}).get("ls_model_name") or (more.get("invocation_params") or {}).get("model")
