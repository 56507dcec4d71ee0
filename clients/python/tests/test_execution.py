"""An execution: `started` before the work, its outcome afterwards, whatever ends it."""

import logging

import pytest
from conftest import Tenant

import ringfence


def test_work_is_recorded_before_and_after(audit: ringfence.Client, tenant: Tenant) -> None:
    with audit.execution("kyc", user="jane", context={"event": "check"}) as e:
        assert tenant.records("status, agent_id, user_id, mode, trace_id, latency_ms") == [
            ("started", "kyc", "jane", "LIVE", e.trace_id, None)
        ]
        e.http_status = 200
        e.context["output_sha256"] = "0" * 64

    (_, outcome) = tenant.records("status, agent_id, user_id, trace_id, http_status, context->>'event', error")
    assert outcome == ("success", "kyc", "jane", e.trace_id, 200, "check", None)
    ((latency,),) = tenant.records("latency_ms")[1:]
    assert isinstance(latency, int)
    assert latency >= 0


def test_an_exception_is_recorded_by_its_class_and_raised_on(audit: ringfence.Client, tenant: Tenant) -> None:
    with pytest.raises(ValueError, match="of jane"), audit.execution("kyc"):
        raise ValueError("the file of jane is missing")

    assert tenant.records("status, error") == [("started", None), ("error", "ValueError")]


def test_an_interrupted_process_records_the_outcome(audit: ringfence.Client, tenant: Tenant) -> None:
    with pytest.raises(KeyboardInterrupt), audit.execution("kyc"):
        raise KeyboardInterrupt

    assert tenant.records("status, error") == [("started", None), ("error", "KeyboardInterrupt")]


def test_a_refusal_is_recorded_with_its_rule_and_raised_on(audit: ringfence.Client, tenant: Tenant) -> None:
    with pytest.raises(ringfence.Denied), audit.execution("loan"):
        raise ringfence.Denied("over the limit", policy_id="L-12", reason_code="LIMIT")

    assert tenant.records("status, error, context->>'policy_id', context->>'reason_code'")[1:] == [
        ("denied", "over the limit", "L-12", "LIMIT")
    ]


def test_a_block_may_say_that_it_failed_or_was_denied(audit: ringfence.Client, tenant: Tenant) -> None:
    with audit.execution("kyc") as e:
        e.fail("bad gateway")
    with audit.execution("kyc", mode="DRY_RUN") as e:
        e.deny("no consent", policy_id="P-1")

    outcomes = tenant.records("status, mode, error")[1::2]
    assert outcomes == [("error", "LIVE", "bad gateway"), ("denied", "DRY_RUN", "no consent")]


def test_an_outcome_is_recorded_without_what_it_cannot_hold(
    audit: ringfence.Client, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), audit.execution("kyc") as e:
        e.context["prompt"] = "who is jane"
        e.fail("a\0b \ud800" + "x" * 3000)

    ((status, error, context),) = tenant.records("status, error, context")[1:]
    assert (status, context) == ("error", None)
    assert str(error).startswith("a\ufffdb \ufffdxxx")
    assert len(str(error)) == 2000
    assert "without context" in caplog.text
    assert "jane" not in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [
        {"agent": ""}, {"agent": "x" * 129}, {"user": "a\0b"}, {"mode": "TEST"}, {"trace_id": "x" * 129},
        {"context": {"prompt": "who"}}, {"context": {"event": None}}, {"context": {"event": float("nan")}},
        {"context": {"event": "x" * 5000}},
    ],
)  # fmt: skip
def test_what_the_service_would_refuse_is_refused_before_the_work(
    audit: ringfence.Client, tenant: Tenant, arguments: dict[str, object]
) -> None:
    began = False
    with pytest.raises(ValueError), audit.execution(**({"agent": "kyc"} | arguments)):  # type: ignore[arg-type]
        began = True

    assert not began
    assert tenant.records() == []


def test_a_trace_id_of_the_caller_ties_several_together(audit: ringfence.Client, tenant: Tenant) -> None:
    with audit.execution("kyc", trace_id="case-4711") as outer, audit.execution("sanctions", trace_id=outer.trace_id):
        pass

    assert tenant.records("agent_id, status, trace_id") == [
        ("kyc", "started", "case-4711"),
        ("sanctions", "started", "case-4711"),
        ("sanctions", "success", "case-4711"),
        ("kyc", "success", "case-4711"),
    ]


def test_the_id_says_when_a_record_was_made(audit: ringfence.Client, tenant: Tenant) -> None:
    audit.record("kyc", status="success")

    ((id_, created_at),) = tenant.records("id, created_at")
    assert abs(ringfence.time_of(str(id_)) - created_at).total_seconds() < 5  # type: ignore[operator]
