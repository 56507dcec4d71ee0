"""A callback of LiteLLM: each call of a model is an execution."""

from datetime import datetime
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from ringfence._client import Client
from ringfence._execution import class_name
from ringfence._records import MAX_CHARACTERS, Mode, Status


class RingfenceLogger(CustomLogger):
    """Records that a model is called, and how that ended. Messages and answers are not recorded.

    LiteLLM logs what a callback raises, and goes on: it cannot be held up here. Where no call may be made unrecorded,
    put the call into Client.execution() instead. Records are queued (Client.enqueue).
    """

    def __init__(self, audit: Client, agent: str, *, mode: Mode = "LIVE") -> None:
        """agent, mode: as of Client.execution(). The user is the one of litellm.completion(user=...)."""
        super().__init__()
        self._audit = audit
        self._agent = agent
        self._mode: Mode = mode

    def log_pre_api_call(self, model: str, messages: Any, kwargs: dict[str, Any]) -> None:
        """Record that the call begins."""
        self._record("started", kwargs)

    def log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Record that the model answered."""
        self._record("success", kwargs, latency_ms=_milliseconds(start_time, end_time))

    def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Record that the call failed, with the exception's class and its HTTP status."""
        error = kwargs.get("exception")
        status = getattr(error, "status_code", None)
        self._record(
            "error",
            kwargs,
            latency_ms=_milliseconds(start_time, end_time),
            error=class_name(error) if isinstance(error, BaseException) else None,
            http_status=status if isinstance(status, int) and 100 <= status <= 599 else None,
        )

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Record that the model answered, in async code."""
        self.log_success_event(kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Record that the call failed, in async code."""
        self.log_failure_event(kwargs, response_obj, start_time, end_time)

    def _record(self, status: Status, kwargs: dict[str, Any], **more: Any) -> None:
        model, user, trace_id = kwargs.get("model"), kwargs.get("user"), kwargs.get("litellm_call_id")
        self._audit.enqueue(
            self._agent,
            status=status,
            mode=self._mode,
            trace_id=str(trace_id)[: MAX_CHARACTERS["trace_id"]] if trace_id else None,
            user=str(user)[: MAX_CHARACTERS["user"]] if user else None,
            context={"gen_ai.request.model": model[:256]} if isinstance(model, str) else None,
            **more,
        )


def _milliseconds(start: Any, end: Any) -> int | None:
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return None
    return max(0, int((end - start).total_seconds() * 1000))
