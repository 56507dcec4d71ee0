"""An API key that signs in is in the cookie alone: in no address, page, header of another kind, or line of a log."""

from typing import Any

from tests.conftest import TestDatabase
from tests.support.bulk_calls import record, send_json
from tests.support.processes import running_service
from tests.viewer.visits import COOKIE, OWN_SITE, UNKNOWN_KEY


def parts(key: str) -> tuple[str, str]:
    """Return the key, and the part of it that is its secret."""
    return key, key.split("_")[2]


def test_a_key_is_in_no_answer_but_the_cookie_and_in_no_line_of_the_log(database: TestDatabase) -> None:
    key, writer, revoked = (
        database.issue_api_key("acme"), database.issue_api_key("acme", "write"), database.issue_api_key("acme"),
    )  # fmt: skip
    database.execute("SELECT audit.revoke_api_key(p_id => %s)", revoked.split("_")[1])
    keys = (key, writer, revoked, UNKNOWN_KEY)
    with running_service(database_url=database.url("audit_app")) as service:
        answers: list[Any] = []

        def send(method: str, path: str, cookie: str = "", **more: Any) -> None:
            headers = OWN_SITE | ({"Cookie": f"{COOKIE}={cookie}"} if cookie else {})
            answers.append(service.http.request(method, f"/view/{path}", headers=headers, **more))
            service.http.cookies.clear()

        assert send_json(service.http, record(), api_key=key).status_code == 201
        for each in keys:
            for form in ({"api_key": each}, {"api_key": each, "next": "//x"}, {"api_key": each, "more": ""}):
                send("POST", "sign-in", data=form)
            send("POST", "sign-in", json={"api_key": each})
            for path in ("records", "records?agent_id=+x+", "records/x", "events", "records?x=y", "sign-in"):
                send("GET", path, each)
            send("POST", "sign-out", each)
        assert {answer.status_code for answer in answers} == {200, 303, 401, 403, 422}
        kept = 0
        for answer in answers:
            headers = dict(answer.headers)
            cookie = headers.pop("set-cookie", "")
            for secret in {part for each in keys for part in parts(each)}:
                assert secret not in answer.text
                assert secret not in str(headers)
                assert secret not in str(answer.request.url)
            if key in cookie:
                assert answer.request.method == "POST"
                kept += 1
        assert kept == 2  # with and without next
        printed = service.printed()
        assert "an API key was refused: revoked" in printed
        for secret in {part for each in keys for part in parts(each)}:
            assert secret not in printed


def test_a_key_in_an_address_opens_nothing(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    with running_service(database_url=database.url("audit_app")) as service:
        for path in ("records", "sign-in"):
            for name in ("api_key", "key", "token", COOKIE):
                answer = service.http.get(f"/view/{path}", params={name: key})
                assert answer.status_code in (303, 422)
                assert "set-cookie" not in answer.headers
        assert service.http.post("/view/sign-in", params={"api_key": key}, headers=OWN_SITE).status_code == 422
        assert service.http.post("/view/sign-in", data={"api_key": key}, headers=OWN_SITE).status_code == 303
