"""docs/litellm.md: the callback, in calls that LiteLLM answers itself (mock_response)."""

import asyncio
from collections.abc import Iterator

import litellm
import pytest
from conftest import Tenant, eventually

import ringfence
from ringfence.integrations.litellm_logger import RingfenceLogger

CALL = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "who is jane"}], "user": "user-4711"}


@pytest.fixture(autouse=True)
def recorded(audit: ringfence.Client) -> Iterator[None]:
    litellm.callbacks = [RingfenceLogger(audit, "assistant")]
    yield
    litellm.logging_callback_manager._reset_all_callbacks()


def records(audit: ringfence.Client, tenant: Tenant) -> list[tuple[object, ...]]:
    def arrived() -> bool:
        audit.flush()
        return len(tenant.records()) >= 2

    eventually(arrived)
    return tenant.records("status, agent_id, user_id, context->>'gen_ai.request.model', error")


def test_a_call_of_a_model_is_recorded(audit: ringfence.Client, tenant: Tenant) -> None:
    litellm.completion(**CALL, mock_response="nobody")

    rows = records(audit, tenant)
    assert [row[0] for row in rows] == ["started", "success"]
    assert {row[1:] for row in rows} == {("assistant", "user-4711", "gpt-4o", None)}
    assert len(set(tenant.records("trace_id"))) == 1


def test_a_call_in_async_code_is_recorded(audit: ringfence.Client, tenant: Tenant) -> None:
    async def call() -> None:
        await litellm.acompletion(**CALL, mock_response="nobody")
        await asyncio.to_thread(records, audit, tenant)

    asyncio.run(call())
    assert [row[0] for row in records(audit, tenant)] == ["started", "success"]


def test_a_call_that_fails_is_recorded_by_its_class(audit: ringfence.Client, tenant: Tenant) -> None:
    with pytest.raises(litellm.RateLimitError):
        litellm.completion(**CALL, mock_response="litellm.RateLimitError", num_retries=0)

    rows = records(audit, tenant)
    assert rows[1][0] == "error"
    assert "RateLimitError" in str(rows[1][4])
