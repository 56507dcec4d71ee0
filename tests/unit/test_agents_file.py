"""AGENTS_FILE: what the file may hold. Anything else stops the start."""

from pathlib import Path

import pytest

from app.services.agents import load_agents

URL = 'url = "https://agents.internal.example/score"'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agents.toml"


def test_no_file_is_no_agents() -> None:
    assert load_agents(None) == {}


def test_the_example_of_the_release_is_read() -> None:
    agents = load_agents(Path(__file__).parents[2] / "agents.example.toml")

    assert set(agents) == {"credit-scoring", "kyc-summary", "openai/gpt-4o"}


def test_time_and_size_have_defaults(file: Path) -> None:
    file.write_text(f'[agents."any name"]\n{URL}\n')

    agent = load_agents(file)["any name"]
    assert (agent.timeout_seconds, agent.max_response_bytes) == (30.0, 1_048_576)


def test_an_empty_file_names_no_agents(file: Path) -> None:
    file.write_text("")

    assert load_agents(file) == {}


@pytest.mark.parametrize(
    "text",
    [
        "[agents.a]",
        "[agents.a]\nurl = 7",
        '[agents.a]\nurl = "agents.internal.example/score"',
        '[agents.a]\nurl = "ftp://agents.internal.example/score"',
        '[agents.a]\nurl = "file:///etc/passwd"',
        '[agents.a]\nurl = "https://user:s3cret@agents.internal.example/"',
        '[agents.a]\nurl = "https://user@agents.internal.example/"',
        f"[agents.a]\n{URL}\ntimeout_seconds = 0",
        f"[agents.a]\n{URL}\ntimeout_seconds = 601",
        f"[agents.a]\n{URL}\ntimeout_seconds = nan",
        f"[agents.a]\n{URL}\nmax_response_bytes = 0",
        f"[agents.a]\n{URL}\ntimeout = 3",
        f"[agents.a]\n{URL}\n[agents.a]\n{URL}",
        f"[agent.a]\n{URL}",
        "agents = 7",
        "[agents",
    ],
)
def test_anything_else_is_refused(file: Path, text: str) -> None:
    file.write_text(text)

    with pytest.raises(ValueError):
        load_agents(file)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_agents(file)


def test_the_query_of_a_url_is_not_shown(file: Path) -> None:
    file.write_text('[agents.a]\nurl = "https://agents.internal.example/score?token=s3cret#s3cret"\n')

    agent = load_agents(file)["a"]
    assert agent.shown_url == "https://agents.internal.example/score"
    assert str(agent.url).endswith("?token=s3cret#s3cret")
