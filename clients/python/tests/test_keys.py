"""Keys: from arguments or the environment, refused, revoked and replaced."""

from pathlib import Path

import pytest
from conftest import Service, Tenant, eventually
from gateway import Gateway

import ringfence


def test_url_and_key_come_from_the_environment(
    service: Service, tenant: Tenant, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGFENCE_URL", service.url)
    monkeypatch.setenv("RINGFENCE_API_KEY", tenant.key)
    with ringfence.Client(spool=spool) as audit:
        audit.record("kyc", status="success")

    assert tenant.records() == [("success",)]


def test_without_a_home_directory_the_spool_has_to_be_named(
    service: Service, tenant: Tenant, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(ValueError, match="XDG_STATE_HOME"):
        ringfence.Client(service.url, tenant.key)
    ringfence.Client(service.url, tenant.key, spool=spool).close()


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", "rf_0123456789abcdef_" + "0" * 64), ("ftp://host", "rf_0123456789abcdef_" + "0" * 64),
        ("http://jane:secret@host", "rf_0123456789abcdef_" + "0" * 64), ("http://host", "secret"), ("http://host", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_a_url_or_a_key_is_refused_and_not_repeated(url: str, key: str) -> None:
    with pytest.raises(ValueError, match="RINGFENCE_") as refusal:
        ringfence.Client(url, key)

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["http://ringfence.example", "http://10.0.0.7:8080", "http://127.0.0.1.example"])
def test_a_key_is_not_sent_in_clear_text_to_another_machine_unless_the_caller_says_so(
    url: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"rf_0123456789abcdef_{1:064d}"
    for client in (ringfence.Client, ringfence.AsyncClient):
        with pytest.raises(ValueError, match="http without encryption is for this machine alone") as refusal:
            client(url, key, spool=spool)
        assert key not in str(refusal.value)
    monkeypatch.setenv("RINGFENCE_ALLOW_UNENCRYPTED", "false")
    with pytest.raises(ValueError, match="RINGFENCE_ALLOW_UNENCRYPTED"):
        ringfence.Client(url, key, spool=spool)

    ringfence.Client(url, key, spool=spool, allow_unencrypted=True).close()
    monkeypatch.setenv("RINGFENCE_ALLOW_UNENCRYPTED", "true")
    ringfence.Client(url, key, spool=spool).close()


@pytest.mark.parametrize(
    "url",
    [
        "https://ringfence.example",
        "https://127.0.0.1:8443",
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://[::1]:8080",
    ],
)
def test_a_key_is_sent_with_encryption_and_on_this_machine(url: str, spool: Path) -> None:
    with ringfence.Client(url, f"rf_0123456789abcdef_{1:064d}", spool=spool) as audit:
        assert audit._http.trust_env == url.startswith("https")  # certificates and proxies


def test_a_proxy_of_the_environment_does_not_get_the_key_of_a_service_on_this_machine(
    service: Service, tenant: Tenant, gateway: Gateway, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", gateway.url)
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success")
        audit.enqueue("kyc", status="success")

    assert len(tenant.ids()) == 2
    assert gateway.requests == []


def test_a_key_that_opens_nothing_stops_the_work_before_it_begins(service: Service, spool: Path) -> None:
    made_up = f"rf_0123456789abcdef_{1:064d}"
    with (
        ringfence.Client(service.url, made_up, spool=spool) as audit,
        pytest.raises(ringfence.Unauthenticated) as refusal,
        audit.execution("kyc"),
    ):
        pytest.fail("the work began")

    assert refusal.value.kind == "unauthenticated"
    assert made_up not in str(refusal.value)
    assert not spool.exists()


def test_a_key_that_may_not_write_stops_the_work_before_it_begins(
    service: Service, tenant: Tenant, spool: Path
) -> None:
    with (
        ringfence.Client(service.url, tenant.issue_key("read"), spool=spool) as audit,
        pytest.raises(ringfence.Forbidden) as refusal,
        audit.execution("kyc"),
    ):
        pytest.fail("the work began")

    assert (refusal.value.status, refusal.value.kind) == (403, "scope-missing")


def test_an_outcome_is_kept_when_the_key_is_revoked_meanwhile_and_the_next_key_sends_it(
    service: Service, tenant: Tenant, spool: Path
) -> None:
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        with audit.execution("kyc"):
            tenant.revoke(tenant.key)
        with pytest.raises(ringfence.Unauthenticated), audit.execution("kyc"):
            pytest.fail("the work began")
        assert audit.spooled == 1
    assert tenant.records() == [("started",)]

    with ringfence.Client(service.url, tenant.issue_key(), spool=spool) as audit:
        audit.record("next", status="success")
        eventually(lambda: len(tenant.records()) == 3)
        eventually(lambda: audit.spooled == 0)
    assert sorted(tenant.records("agent_id, status")) == [("kyc", "started"), ("kyc", "success"), ("next", "success")]


def test_a_key_that_is_refused_during_a_replay_stops_later_work(service: Service, tenant: Tenant, spool: Path) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success")
        tenant.revoke(tenant.key)
        service.start()

        def is_refused() -> bool:
            try:
                audit.record("kyc", status="success")
            except ringfence.Unauthenticated:
                return True
            return False

        eventually(is_refused)
        assert audit.spooled >= 1

    assert tenant.records() == []
