"""An outage of the database: what is answered meanwhile."""

import hashlib
import hmac
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

from tests.conftest import Serve, TestDatabase
from tests.support.bank import LOGS, Bank, record
from tests.support.calls import assert_problem, bearer, execute, records
from tests.support.polling import eventually
from tests.support.spool_directory import query, spooled_lines


def test_a_dry_run_is_spooled_and_is_in_the_database_afterwards(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()
    answer = bank.execute(user_id="jane")
    assert answer.status_code == 200, answer.text
    assert answer.json()["stored"] == "spool"
    assert answer.json()["tenant_id"] == "acme"

    bank.get_database_back()

    assert answer.json()["id"] in bank.stored()
    assert bank.execute().json().get("stored") is None


def test_records_from_elsewhere_are_spooled_too_one_or_many(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()
    one, two, three = record(), record(user_id="jürgen"), record(error="no")
    assert bank.send(one).json() == {"tenant_id": "acme", "stored": "spool", "count": 1, "id": one["id"]}
    many = bank.send(two, three)
    assert (many.status_code, many.json()["stored"], many.json()["count"]) == (201, "spool", 2)

    bank.get_database_back()

    assert {one["id"], two["id"], three["id"]} <= bank.stored().keys()
    found = {each["id"]: each for each in records(bank.client, api_key=bank.key)}
    assert found[two["id"]]["user_id"] == "jürgen"
    assert found[three["id"]]["error"] == "no"


def test_a_context_is_spooled_and_is_stored_with_the_text_that_it_would_have_had(bank: Bank) -> None:
    context = {"resource": 'é 😀 "\\" \n', "event": 1.5, "origin": False}
    bank.be_known()
    before = record(context=context)
    assert bank.send(before).json().get("stored") is None
    bank.lose_database()
    one, two, three = record(context=context), record(context=context), record(context={})
    for answer in (bank.send(one), bank.send(two, three), bank.send(before), bank.execute(context=context)):
        assert answer.json()["stored"] == "spool", answer.text

    bank.get_database_back()

    assert bank.dead_letters() == []  # the first was stored before: the same record, in its text too
    texts = dict(bank.database.execute("SELECT id::text, context::text FROM audit.audit_logs"))
    assert texts[one["id"]] == texts[two["id"]] == texts[before["id"]]
    assert (json.loads(texts[one["id"]]), texts[three["id"]]) == (context, "{}")
    key_ids = bank.database.execute("SELECT DISTINCT api_key_id FROM audit.audit_logs")
    assert key_ids == [(bank.key.split("_")[1],)]


def test_a_line_of_the_release_before_is_stored_without_a_context(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()
    sent = record(user_id="jürgen")
    assert bank.send(sent).json()["stored"] == "spool"
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    api_key_id, secret = bank.key.split("_")[1:]
    line = json.dumps({**sent, "tenant_id": "acme", "created_at": now, "api_key_id": api_key_id}).encode()
    spool_key = hashlib.sha256(b"ringfence spool key of secret:" + secret.encode()).digest()
    line = line[:-1] + b', "hmac": "' + hmac.digest(spool_key, line, "sha256").hex().encode() + b'"}\n'
    query(bank.directory, "UPDATE waiting SET line = ?", line)

    bank.get_database_back()

    assert bank.dead_letters() == []
    stored = bank.database.execute("SELECT user_id, context FROM audit.audit_logs WHERE id = %s", sent["id"])
    assert stored == [("jürgen", None)]


def test_spooled_records_keep_their_time_and_their_order(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()
    ids = [bank.execute().json()["id"] for _ in range(5)]
    spooled = [json.loads(line) for line in bank.spooled()]
    assert [each["id"] for each in spooled] == ids

    bank.get_database_back()

    assert [bank.stored()[each["id"]][1] for each in spooled] == [
        datetime.fromisoformat(each["created_at"]) for each in spooled
    ]
    assert [each["id"] for each in records(bank.client, api_key=bank.key)][1:] == ids


def test_the_replay_is_on_record(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()
    bank.execute()
    bank.get_database_back()

    events = bank.client.get("/api/v1/audit/admin-events", headers=bearer(bank.key)).json()["items"]
    assert [event["api_key_id"] for event in events if event["act"] == "records replayed"] == [bank.key.split("_")[1]]


def test_the_spool_is_readable_by_its_owner_alone_and_holds_no_key(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()
    bank.execute()

    assert stat.S_IMODE(bank.directory.stat().st_mode) == 0o700
    for path in bank.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert bank.key.split("_")[2].encode() not in path.read_bytes()


def test_lists_are_refused_while_the_database_is_unavailable(bank: Bank) -> None:
    bank.lose_database()
    answer = bank.client.get(LOGS, headers=bearer(bank.key))
    assert_problem(answer, 503, "storage-unavailable")
    assert answer.headers["retry-after"]


def test_a_key_that_was_not_seen_at_work_opens_no_spool(bank: Bank) -> None:
    other = bank.database.issue_api_key("globex")
    bank.be_known()
    bank.lose_database()

    assert_problem(bank.execute(other), 503, "storage-unavailable")
    assert_problem(bank.execute("rf_" + "0" * 16 + "_" + "0" * 64), 503, "storage-unavailable")
    assert bank.execute().status_code == 200


def test_a_known_key_with_another_tenants_name_is_refused(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()

    assert_problem(execute(bank.client, "globex", api_key=bank.key), 403, "tenant-mismatch")
    assert execute(bank.client, "acme", api_key=bank.key).status_code == 200


def test_a_record_that_the_database_would_refuse_is_refused(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()

    assert_problem(bank.execute(user_id="j" * 257), 422, "invalid-request", "user_id")
    assert_problem(bank.send(record(), record(http_status=99)), 422, "invalid-request", "http_status")
    assert bank.execute(user_id="j" * 256).status_code == 200
    assert len(bank.spooled()) == 1


def test_an_idempotency_key_needs_the_database(bank: Bank) -> None:
    bank.be_known()
    bank.lose_database()

    assert_problem(bank.send(record(), **{"Idempotency-Key": "k"}), 503, "storage-unavailable")
    assert bank.send(record()).status_code == 201


def test_live_is_refused_before_the_agent_is_called(
    serve: Serve, database: TestDatabase, directory: Path, tmp_path: Path
) -> None:
    agents = tmp_path / "agents.toml"
    agents.write_text('[agents.credit-scoring]\nurl = "http://127.0.0.1:9/"\n')
    bank = Bank(serve, database, directory, live_enabled=True, agents_file=agents)
    bank.be_known()
    bank.lose_database()

    assert_problem(bank.execute(mode="LIVE"), 503, "storage-unavailable")
    assert bank.execute(mode="DRY_RUN").status_code == 200
    assert len(bank.spooled()) == 1


def test_a_full_spool_refuses_and_keeps_what_it_has(serve: Serve, database: TestDatabase, directory: Path) -> None:
    bank = Bank(serve, database, directory, spool_max_bytes=65_536)
    bank.be_known()
    bank.lose_database()
    answers = [bank.execute() for _ in range(90)]

    kept = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    assert 2 <= len(kept) < 80
    for answer in answers[len(kept) :]:
        assert_problem(answer, 503, "storage-unavailable")
    bank.get_database_back()
    assert set(kept) <= bank.stored().keys()
    assert len(bank.stored()) == len(kept) + 1
    assert bank.execute().status_code == 200


def test_without_a_spool_records_are_refused(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    assert execute(client).status_code == 200
    database.go_down()
    assert_problem(execute(client), 503, "storage-unavailable")


def test_where_a_gateway_names_the_tenants_records_are_spooled_under_their_name(
    serve: Serve, database: TestDatabase, directory: Path
) -> None:
    client = serve(spool=True, spool_path=directory)
    first = execute(client, "globex").json()["id"]
    database.go_down()
    second = eventually(lambda: (answer := execute(client, "globex")).status_code == 200 and answer).json()
    assert second["stored"] == "spool"
    assert_problem(execute(client, "acme"), 503, "storage-unavailable")
    database.come_up()

    eventually(lambda: not spooled_lines(directory))

    found = database.execute("SELECT id::text, tenant_id FROM audit.audit_logs ORDER BY created_at")
    assert found == [(first, "globex"), (second["id"], "globex")]
