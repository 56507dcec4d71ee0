"""docs/langchain.md: the callback handler, in chains of langchain-core with its own model for tests."""

import asyncio

import pytest
from conftest import Service, Tenant
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import ringfence
from ringfence.integrations.langchain_handler import RingfenceCallbackHandler

called: list[str] = []


@tool
def balance(account: str) -> str:
    """Look the balance up."""
    called.append(account)
    if account == "unknown":
        raise LookupError("no account of jane")
    return "1200"


chain = RunnableLambda(lambda account: {"account": account}) | balance | FakeListChatModel(responses=["rich"])
COLUMNS = "status, user_id, coalesce(context->>'gen_ai.tool.name', 'other'), error"


def test_a_chain_its_tool_and_its_model_are_recorded_under_one_trace(audit: ringfence.Client, tenant: Tenant) -> None:
    handler = RingfenceCallbackHandler(audit, "advisor", user="jane")
    assert chain.invoke("4711", {"callbacks": [handler]}).content == "rich"

    assert tenant.records(COLUMNS) == [
        ("started", "jane", "other", None),
        ("started", "jane", "balance", None),
        ("success", "jane", "balance", None),
        ("started", "jane", "other", None),
        ("success", "jane", "other", None),
        ("success", "jane", "other", None),
    ]
    assert len(set(tenant.records("trace_id"))) == 1
    spans = tenant.records("context->>'span_id', context->>'parent_span_id'")
    assert [parent for _, parent in spans] == [None, *[spans[0][0]] * 4, None]
    assert (handler._executions, handler._roots) == ({}, {})


def test_a_tool_that_fails_is_recorded_by_its_class(audit: ringfence.Client, tenant: Tenant) -> None:
    handler = RingfenceCallbackHandler(audit, "advisor")
    with pytest.raises(LookupError):
        chain.invoke("unknown", {"callbacks": [handler]})

    assert [row[0] for row in tenant.records(COLUMNS)] == ["started", "started", "error", "error"]
    assert {row[3] for row in tenant.records(COLUMNS)} == {None, "LookupError"}


def test_an_async_run_is_recorded_too(audit: ringfence.Client, tenant: Tenant) -> None:
    asyncio.run(chain.ainvoke("4711", {"callbacks": [RingfenceCallbackHandler(audit, "advisor")]}))

    assert len(tenant.records()) == 6


def test_a_chain_does_not_run_unrecorded(service: Service, tenant: Tenant) -> None:
    called.clear()
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=False) as audit:
        handler = RingfenceCallbackHandler(audit, "advisor")
        with pytest.raises(ringfence.NotRecorded):
            chain.invoke("4711", {"callbacks": [handler]})
        with pytest.raises(ringfence.NotRecorded):
            asyncio.run(chain.ainvoke("4711", {"callbacks": [handler]}))

    assert called == []
