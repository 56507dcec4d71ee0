"""Requests as bytes, for callers and probes that use no HTTP library."""

LOGS = "/api/v1/audit/logs"
EXECUTE = "/api/v1/agents/agent/execute"
HEALTH = "/api/v1/health"
WRONG_KEY = f"rf_{'0' * 16}_{'0' * 64}"
MEGABYTE = 1_048_576
NDJSON = "application/x-ndjson"
EMPTY_RECORDS = b"[" + b",".join([b"{}"] * (MEGABYTE // 3 - 1)) + b"]"
"""Refused, but only after all of it was read and parsed."""


def head(method: str, path: str, key: str | None = None, *lines: str) -> bytes:
    """Return a request's head. key: an API key; lines: further headers."""
    authorization = [f"Authorization: Bearer {key}"] if key else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: siege", *authorization, *lines, "", ""]).encode()


def post(path: str, key: str | None, content: bytes, media_type: str = "application/json", *lines: str) -> bytes:
    """Return a request with its body."""
    return announce(path, key, len(content), media_type, *lines) + content


def announce(path: str, key: str | None, size: int, media_type: str = "application/json", *lines: str) -> bytes:
    """Return the head of a POST that says how long its body is."""
    return head("POST", path, key, f"Content-Type: {media_type}", f"Content-Length: {size}", *lines)


def chunked(path: str, key: str | None = None, media_type: str = "application/json") -> bytes:
    """Return the head of a POST whose body comes in chunks."""
    return head("POST", path, key, f"Content-Type: {media_type}", "Transfer-Encoding: chunked")
