"""DESTINATIONS_FILE: what it may say, and what is refused in one line without a secret."""

from pathlib import Path

import pytest

from app.ship import destinations
from tests.support.receivers import KEY, SECRET
from tests.support.shippers import ShipperAt
from tests.support.syslog_receiver import make_certificate

WEBHOOK = '{kind = "webhook", url = "https://siem.bank.example/in", secret = {env = "HOOK_SECRET"}}'
BUCKET = """{kind = "s3", bucket = "audit", access_key_id = {env = "ACME_READ_KEY"}, secret_access_key = {env =
 "ACME_READ_KEY"}}""".replace("\n", "")
ENTRY = {
    "tenant": '"acme"',
    "service": '"https://audit.bank.example"',
    "key": '{env = "ACME_READ_KEY"}',
    "format": '"ocsf"',
    "limit": "500",
    "to": WEBHOOK,
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACME_READ_KEY", "rf_s3cret")
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("WITH_A_BLANK", "s3cret s3cret")
    monkeypatch.setenv("SHORT", "whsec_s3cret")
    make_certificate(tmp_path)
    (tmp_path / "token").write_text("t0ken\n")
    return tmp_path / "destinations.toml"


def table(name: str = "siem", **changed: str) -> str:
    members = "\n".join(f"{key} = {value}" for key, value in (ENTRY | changed).items())
    return f"[destinations.{name}]\n{members}\n"


def test_secrets_come_from_the_environment_or_a_file(file: Path) -> None:
    to = f'{{kind = "splunk", url = "https://splunk.example:8088", token = {{file = "{file.parent}/token"}}}}'
    file.write_text(table() + table("splunk", to=to))
    found = destinations.load(file)
    assert found["siem"].key.get_secret_value() == "rf_s3cret"
    assert isinstance(splunk := found["splunk"].to, destinations.SplunkTable)
    assert splunk.token.get_secret_value() == "t0ken"
    assert SECRET not in repr(found)
    assert KEY not in repr(found).encode()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"key": '"rf_s3cret"'}, "destination siem: key: is {env"),
        ({"key": '{env = "MISSING"}'}, "the environment variable MISSING is not set, or empty"),
        ({"key": '{env = "WITH_A_BLANK"}'}, "key: its value is printable ASCII characters without white space"),
        ({"key": '{file = "token"}'}, "file is an absolute path"),
        ({"service": '"http://audit.bank.example"'}, "service: http without encryption is for this machine alone"),
        ({"service": '"https://u:s3cret@audit.bank.example"'}, "service: a URL with a user name or a password"),
        ({"tenant": '"acme\\" x"'}, "tenant: "),
        ({"format": '"csv"'}, "format: "),
        ({"limit": "0"}, "limit: "),
        ({"limit": "10001"}, "limit: "),
        ({"secret": '"s3cret"'}, "secret: "),
        ({"to": '{kind = "email"}'}, "to: "),
        ({"to": WEBHOOK.replace("HOOK_SECRET", "SHORT")}, "secret: a secret of Standard Webhooks is whsec_"),
        ({"to": WEBHOOK.replace("https", "http")}, "url: http without encryption is for this machine alone"),
        ({"to": WEBHOOK.replace("}}", '}, ca_file = "missing"}')}, "ca_file: not a file"),
        ({"to": WEBHOOK.replace("}}", "}, verify = false}")}, "verify: "),
        ({"to": BUCKET.replace("}}", "}, block_seconds = 241}")}, "block_seconds: "),
        ({"to": BUCKET.replace("}}", '}, lock_mode = "COMPLIANCE"}')}, "lock_mode and lock_days go together"),
        ({"to": BUCKET.replace("}}", "}, lock_days = 30}")}, "lock_mode and lock_days go together"),
        ({"to": BUCKET.replace("}}", '}, lock_mode = "compliance", lock_days = 30}')}, "lock_mode: "),
        ({"to": BUCKET.replace("}}", '}, lock_mode = "GOVERNANCE", lock_days = 0}')}, "lock_days: "),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(file: Path, changed: dict[str, str], why: str) -> None:
    file.write_text(table())
    assert destinations.load(file)
    file.write_text(table(**changed))
    with pytest.raises(ValueError, match="destination siem: ") as refused:
        destinations.load(file)
    assert why in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_block_may_wait_until_shortly_before_the_alert(file: Path) -> None:
    file.write_text(table(to=BUCKET.replace("}}", "}, block_seconds = 240}")))
    assert destinations.load(file)["siem"].block_seconds() == 240


@pytest.mark.parametrize("text", ["", "x", "[destinations]", "destinations = 1", table("UPPER"), table() + "[more]\n"])
def test_a_file_of_another_form_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=r"destinations\.toml"):
        destinations.load(file)


def test_the_shipper_does_not_start_on_a_file_that_is_wrong_or_missing(tmp_path: Path) -> None:
    shipper = ShipperAt(tmp_path, "https://audit.bank.example")
    done = shipper.once()
    assert (done.returncode, done.stderr) == (
        1, f"DESTINATIONS_FILE: {tmp_path / 'destinations.toml'}: No such file or directory\n",
    )  # fmt: skip
    shipper.webhook("https://siem.bank.example")
    done = shipper.once()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("key: the environment variable ACME_READ_KEY is not set, or empty\n")
    shipper.more["destinations_file"] = ""
    assert "set DESTINATIONS_FILE" in shipper.once().stderr


@pytest.mark.parametrize("name", ["ca_file", "certificate_file"])
def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.pem").write_text("")
    shipper = ShipperAt(tmp_path, "https://audit.bank.example", secrets={"ACME_READ_KEY": "rf_s3cret"})
    shipper.destination("siem", {"kind": "syslog", "host": "siem.example", name: str(tmp_path / "empty.pem")})
    done = shipper.once()
    assert done.returncode == 1
    assert done.stderr.startswith("DESTINATIONS_FILE: ")
    assert "Traceback" not in done.stderr
