"""The files in docs/deploy fit the service: every metric exists, every variable is a setting, every path is there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from app.settings import Settings
from app.ship.destinations import S3Table
from app.ship.metrics import Metrics as ShipperMetrics
from app.ship.running import DRAIN_SECONDS
from app.ship.settings import ShipperSettings
from app.sign.metrics import Metrics as SignerMetrics
from app.sign.settings import SignerSettings
from app.telemetry import metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",), "info": ("_info",)}
REGISTRIES = (metrics.REGISTRY, SignerMetrics().registry, ShipperMetrics().registry)
METRICS = {
    each.name + suffix for registry in REGISTRIES for each in registry.collect() for suffix in _SUFFIXES[each.type]
}


def expressions() -> list[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    return [rule["expr"] for rule in rules] + [each["expr"] for panel in panels for each in panel["targets"]]


def test_alerts_and_dashboard_ask_for_metrics_that_exist() -> None:
    named = {name for expr in expressions() for name in re.findall(r"\b(?:ringfence|process)_\w+", expr)}
    assert len(named) > 15
    assert named <= METRICS


def test_every_alert_of_the_page_has_a_rule_and_every_rule_says_what_to_do() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"][0]["rules"]
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
    table = (ROOT / "docs" / "operations.md").read_text().split("| alert on |")[1].split("\n\n")[0]
    alerted = set(re.findall(r"ringfence_\w+", table))
    assert alerted <= {name for rule in rules for name in re.findall(r"ringfence_\w+", rule["expr"])} | {
        "ringfence_queue_records", "ringfence_pool_connections",
    }  # fmt: skip


def services() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    return dict(composed["services"])


@pytest.mark.parametrize("service", ["ringfence", "migrate"])
def test_the_composed_services_are_built_from_here_and_hold_no_password(service: str) -> None:
    found = services()[service]
    dockerfile = (DEPLOY / found["build"]["context"] / "Dockerfile").read_text()
    assert f" AS {found['build']['target']}\n" in dockerfile
    assert "@database/ringfence" in json.dumps(found["environment"])
    assert not re.search(r"//\w+:", json.dumps(found))  # no password in a URL


def test_the_composed_service_is_given_settings_and_nothing_else() -> None:
    assert {name.lower() for name in services()["ringfence"]["environment"]} <= Settings.model_fields.keys()


def test_the_unit_is_given_settings_and_nothing_else() -> None:
    unit = (DEPLOY / "ringfence.service").read_text()
    (given,) = re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)
    names = {each.partition("=")[0] for each in given.split()} - {"PYTHONDONTWRITEBYTECODE"}
    assert {name.lower() for name in names} <= Settings.model_fields.keys()
    stop = int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0])
    assert stop >= Settings.model_fields["shutdown_timeout"].default + 10


@pytest.mark.parametrize(("name", "settings"), [("signer", SignerSettings), ("shipper", ShipperSettings)])
def test_the_unit_of_another_process_is_given_settings_of_it_and_nothing_else(
    name: str, settings: type[BaseSettings]
) -> None:
    unit = (DEPLOY / f"ringfence-{name}.service").read_text()
    (given,) = re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)
    names = {each.partition("=")[0] for each in given.split()} - {"PYTHONDONTWRITEBYTECODE"}
    assert {name.lower() for name in names} <= settings.model_fields.keys()


def test_the_unit_of_the_shipper_is_given_the_time_that_its_end_takes() -> None:
    unit = (DEPLOY / "ringfence-shipper.service").read_text()
    stop = int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0])
    # A request to S3 may begin when the time for what is being sent is nearly over.
    assert stop >= DRAIN_SECONDS + S3Table.model_fields["seconds"].default + 10


def test_secrets_beside_the_files_are_ignored_by_git() -> None:
    assert "*.secret" in (ROOT / ".gitignore").read_text().split()


def test_render_looks_at_the_process_and_not_at_its_database() -> None:
    blueprint = yaml.safe_load((ROOT / "render.yaml").read_text())
    assert [service["healthCheckPath"] for service in blueprint["services"]] == ["/api/v1/health"]


def test_patroni_waits_for_one_named_standby_and_its_times_fit_together() -> None:
    dcs = yaml.safe_load((DEPLOY / "patroni.yml").read_text())["bootstrap"]["dcs"]
    assert (dcs["synchronous_mode"], dcs["synchronous_mode_strict"], dcs["synchronous_node_count"]) == (True, True, 1)
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]


def test_the_files_of_patroni_and_etcd_hold_no_password_and_name_the_same_machines() -> None:
    patroni, etcd = (DEPLOY / "patroni.yml").read_text(), (DEPLOY / "etcd.env").read_text()
    assert not re.search(r"^\s*password:", patroni, re.MULTILINE)
    machines = [f"10.0.0.{number}" for number in (11, 12, 13)]
    assert yaml.safe_load(patroni)["etcd3"]["hosts"] == [f"{machine}:2379" for machine in machines]
    assert re.findall(r"db\d=http://([\d.]+):2380", etcd) == machines
