"""A tiny agent on a real port of 127.0.0.1, which answers as each test needs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class StubAgent:
    """What the agent answers, and what it was sent.

    when_called: run before the answer, in the agent's thread. answers: by path; the default answers 200 with {}.
    """

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    when_called: Callable[[], object] = lambda: None
    calls: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def agents_file(self, folder: Path, *, timeout_seconds: float = 30, max_response_bytes: int = 1000) -> Path:
        """Write an AGENTS_FILE that names this agent `credit-scoring`, and return it."""
        file = folder / "agents.toml"
        file.write_text(
            f'[agents.credit-scoring]\nurl = "{self.url}/score?token=agent-t0ken"\n'
            f"timeout_seconds = {timeout_seconds}\nmax_response_bytes = {max_response_bytes}\n"
        )
        return file


@contextmanager
def running_agent() -> Iterator[StubAgent]:
    """Serve a StubAgent until the block ends."""
    agent = StubAgent()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_PUT(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            agent.calls.append((f"{self.command} {self.path}", headers, body))
            agent.when_called()
            try:
                self.send_response(agent.status)
                for name, value in {"Content-Length": str(len(agent.body)), **agent.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(agent.body)
            except ConnectionError:
                pass  # the caller did not wait for the answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    agent.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield agent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
