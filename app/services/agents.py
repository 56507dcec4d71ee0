"""Agents that LIVE may call: the operator configures them in AGENTS_FILE. Calls are limited in time and in size."""

import asyncio
import hashlib
import json
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretBytes,
    ValidationError,
)

from app.model.strict_json import parse
from app.services.agent_headers import read_headers
from app.terminal_text import printable

_MAX_NAME_LENGTH = 128
"""The CHECK on agent_id in db/schema: an agent with a longer name could not be recorded."""


def _without_credentials(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.username or url.password:
        raise ValueError("a URL with a user name or password ends up in logs and answers")
    return url


class Agent(BaseModel):
    """One table of AGENTS_FILE.

    url: where the input is POSTed; http or https, without credentials, never from a request.
    timeout_seconds: for the whole call, at most 600. max_response_bytes: of the agent's answer.
    headers: sent with each call, read once, at the start (app/services/agent_headers.py).
    """

    # Pydantic's messages must not repeat the file: a value may be a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[AnyHttpUrl, AfterValidator(_without_credentials)]
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    max_response_bytes: Annotated[int, Field(gt=0)] = 1_048_576
    headers: Annotated[dict[str, SecretBytes], BeforeValidator(read_headers)] = Field(default_factory=dict)

    @property
    def shown_url(self) -> str:
        """The URL without its query, where operators put tokens: callers may see it."""
        return str(httpx.URL(str(self.url)).copy_with(query=None, fragment=None))


def load_agents(path: Path | None) -> Mapping[str, Agent]:
    """Read AGENTS_FILE, which has one table `[agents.NAME]` for each agent. Without a path there are no agents.

    Raises OSError, or ValueError with one line that names the agent, when the file cannot be used as it is.
    """
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {printable(error)}") from None
    if unknown := document.keys() - {"agents"}:
        raise ValueError(f"{path}: unknown table {printable(sorted(unknown)[0])}")
    tables = document.get("agents", {})
    if not isinstance(tables, dict):
        raise ValueError(f"{path}: agents is no table")
    return {name: _agent(path, name, table) for name, table in tables.items()}


def _agent(path: Path, name: str, table: object) -> Agent:
    place = f"{path}: agent {printable(name)}"
    if not 1 <= len(name) <= _MAX_NAME_LENGTH or "\0" in name:
        raise ValueError(f"{place}: no record can hold this name; 1 to {_MAX_NAME_LENGTH} characters, no NUL")
    try:
        return Agent.model_validate(table)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, found["loc"])) or "table"
        raise ValueError(printable(f"{place}: {field}: {found['msg'].removeprefix('Value error, ')}")) from None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    http_status: the agent's, None when it gave none. latency_ms: of the whole call, in milliseconds.
    output: the answer, decoded from JSON, or its text. sha256: of the answer's bytes, in hexadecimal; None where they
    were not read to their end. error: None for a 2xx within the limits, else why not.
    """

    http_status: int | None
    latency_ms: int
    output: Any
    sha256: str | None
    error: str | None


class AgentClient:
    """Calls agents. It follows no redirects, uses no proxies of the environment, and accepts no compressed answers."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=600,
            # Connections have no limit, so that a slow agent does not hold up calls of others: load shedding limits how
            # many requests wait for agents.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def call(self, agent: Agent, trace_id: str, agent_input: bytes) -> Outcome:
        """POST `agent_input`, which is JSON. A failure of the agent or the network is an outcome, and not raised."""
        started = time.perf_counter()
        status: int | None = None
        output: Any = None
        sha256: str | None = None
        error: str | None = None
        try:
            async with (
                asyncio.timeout(agent.timeout_seconds),
                self._client.stream(
                    "POST",
                    str(agent.url),
                    content=agent_input,
                    headers=[
                        (b"Content-Type", b"application/json"),
                        (b"Accept-Encoding", b"identity"),
                        (b"X-Trace-ID", trace_id.encode("ascii", "replace")),
                        *((name.encode(), value.get_secret_value()) for name, value in agent.headers.items()),
                    ],
                ) as response,
            ):
                status = response.status_code
                body, error = await _read(agent, response)
                if body is not None:
                    output, sha256 = _decoded(body), hashlib.sha256(body).hexdigest()
        except TimeoutError:
            error = f"the agent did not answer within {agent.timeout_seconds:g} seconds"
        except httpx.HTTPError as failure:
            error = f"the call failed: {type(failure).__name__}"  # the message may quote the URL
        return Outcome(
            http_status=status if status is None or 100 <= status <= 599 else None,
            latency_ms=round((time.perf_counter() - started) * 1000),
            output=output if error is None else None,
            sha256=sha256 if error is None else None,
            error=error,
        )


async def _read(agent: Agent, response: httpx.Response) -> tuple[bytes | None, str | None]:
    """Return the answer's bytes and None, or None and the error."""
    if not response.is_success:
        return None, f"the agent answered {response.status_code}"
    if response.headers.get("content-encoding", "identity") != "identity":
        return None, "the agent's answer is compressed, which was not asked for"
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > agent.max_response_bytes:
            return None, f"the agent's answer is larger than {agent.max_response_bytes} bytes"
    return bytes(body), None


def _decoded(body: bytes) -> Any:
    """Return an answer decoded from JSON, or as text."""
    try:
        output = parse(body)
        # The answer of the service is written so, after the outcome is recorded. Not all JSON that can be read can be
        # written: a lone surrogate has no UTF-8.
        json.dumps({"output": output}, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
    return output
