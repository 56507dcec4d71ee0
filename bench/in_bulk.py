"""What is measured in bulk: exports, bulk intake and imports, each beside COPY."""

from bench import costs, pairs
from bench.bulk_files import copy_command, write_history, write_lines
from bench.laboratory import SCRIPTS
from bench.loads import download, history, psql, upload
from bench.measure import Load
from bench.over_http import Services
from bench.run import Run
from bench.serving import EXPORT, LOGS


def exports(run: Run, services: Services) -> None:
    """Measure an export of the newest records."""
    key, server, count = run.reading.api_key, run.reading.server, run.plan.exported
    start = run.reading.start_of_newest(count)

    def copy(script: str) -> Load:
        lines = (SCRIPTS / script).read_text().replace(":start", start).splitlines()
        command = " ".join(line.strip() for line in lines if not line.startswith("--"))
        return psql(server.binaries, server.socket_folder, run.reading.name, "bench_owner", lambda: command)

    costs.check_export(services.reading, key, count, f"?start_time={start}")
    run.measure(f"Export of {count:,} records, curl and psql", pairs.EXPORTS, {
        "COPY as text": copy("copy_rows.sql"),
        "COPY as JSON": copy("copy_json.sql"),
        "export": download(f"{services.reading.url}{EXPORT}?start_time={start}", key, count),
    })  # fmt: skip


def intakes(run: Run, services: Services) -> None:
    """Measure bulk intake, and the import of a file, its start included."""
    writing, count = run.writing, run.plan.sent
    lines = write_lines(run.folder / "records.ndjson", count)
    rows = run.folder / "records.copy"
    run.measure(f"Bulk intake of {count:,} records, curl, psql and import_jsonl", pairs.INTAKES, {
        "COPY FROM": psql(
            writing.server.binaries, writing.server.socket_folder, writing.name, "bench_owner",
            lambda: copy_command(rows, count),
        ),
        "intake": upload(services.writing.url + LOGS, writing.api_key, lines, count),
        "import": history(
            lambda: write_history(run.folder / "history.jsonl", count), count,
            DATABASE_URL=writing.url("bench_key"), ADMIN_DATABASE_URL=writing.url("bench_owner"),
        ),
    })  # fmt: skip
