"""The agents that LIVE may call: configured by the operator in AGENTS_FILE, called over HTTP, bounded in everything."""

import asyncio
import json
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from app import strict_requests
from app.errors import InvalidRequest


class Agent(BaseModel):
    """One table of AGENTS_FILE.

    url: where the input is POSTed; http or https, without credentials, never from a request.
    timeout_seconds: for the whole call, at most 600. max_response_bytes: of the agent's answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: AnyHttpUrl
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    max_response_bytes: Annotated[int, Field(gt=0)] = 1_048_576

    @field_validator("url")
    @classmethod
    def _no_credentials(cls, url: AnyHttpUrl) -> AnyHttpUrl:
        if url.username or url.password:
            raise ValueError("a URL with a user name or password ends up in logs and answers")
        return url

    @property
    def shown_url(self) -> str:
        """The URL as a caller may see it: without the query, where operators put tokens."""
        return str(httpx.URL(str(self.url)).copy_with(query=None, fragment=None))


def load_agents(path: Path | None) -> Mapping[str, Agent]:
    """Read AGENTS_FILE: one table `[agents.NAME]` for each. No path: no agents.

    Raises OSError, tomllib.TOMLDecodeError or pydantic.ValidationError when it cannot be used as it is.
    """
    if path is None:
        return {}
    document = tomllib.loads(path.read_text())
    if unknown := document.keys() - {"agents"}:
        raise ValueError(f"{path}: unknown table {sorted(unknown)[0]}")
    return TypeAdapter(dict[str, Agent]).validate_python(document.get("agents", {}))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    http_status: the agent's, None when it gave none. latency_ms: of the whole call, in milliseconds.
    output: the answer, decoded from JSON, or its text. error: None for success (a 2xx within the bounds), else why not.
    """

    http_status: int | None
    latency_ms: int
    output: Any
    error: str | None


class AgentClient:
    """Calls agents. Redirects are not followed, the environment's proxies not used, compressed answers not accepted."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=600)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def call(self, agent: Agent, trace_id: str, content: bytes) -> Outcome:
        """POST `content`, which is JSON. Never raises for what the agent or the network does: that is the outcome."""
        started = time.perf_counter()
        status: int | None = None
        output: Any = None
        error: str | None = None
        try:
            async with (
                asyncio.timeout(agent.timeout_seconds),
                self._client.stream(
                    "POST",
                    str(agent.url),
                    content=content,
                    headers={
                        "Content-Type": "application/json",
                        "Accept-Encoding": "identity",
                        "X-Trace-ID": trace_id.encode("ascii", "replace").decode(),
                    },
                ) as response,
            ):
                status = response.status_code
                output, error = await _read(agent, response)
        except TimeoutError:
            error = f"the agent did not answer within {agent.timeout_seconds:g} seconds"
        except httpx.HTTPError as failure:
            error = f"the call failed: {type(failure).__name__}"  # the message may quote the URL
        return Outcome(
            http_status=status if status is None or 100 <= status <= 599 else None,
            latency_ms=round((time.perf_counter() - started) * 1000),
            output=output if error is None else None,
            error=error,
        )


def encode_input(agent_input: Mapping[str, Any]) -> bytes:
    """Write `agent_input` as JSON, in ASCII. Raises InvalidRequest when it is nested too deeply to be written."""
    try:
        return json.dumps(agent_input).encode()
    except RecursionError:
        raise InvalidRequest.field("input", "nested too deeply") from None


async def _read(agent: Agent, response: httpx.Response) -> tuple[Any, str | None]:
    """Return the answer's output and None, or None and why it does not count."""
    if not response.is_success:
        return None, f"the agent answered {response.status_code}"
    if response.headers.get("content-encoding", "identity") != "identity":
        return None, "the agent's answer is compressed, which was not asked for"
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > agent.max_response_bytes:
            return None, f"the agent's answer is larger than {agent.max_response_bytes} bytes"
    try:
        output = strict_requests.parse(bytes(body))
        # As the answer will write it, once the outcome is recorded: not all that can be read can be written.
        json.dumps({"output": output}, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace"), None
    return output, None
