"""The signer: `python -m app.sign`, which signs the heads of the tenants' trees with a key that the database never has.

init makes a key, run signs, vkey prints what a tenant verifies with; docs/signing.md says how to operate it.
"""

import argparse
import asyncio
import json
import logging.config
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import database_url, terminal
from app.settings import SettingsRefused, describe, read_as
from app.sign import files, notes, running
from app.sign.adopting import adopt
from app.sign.memory import Memory
from app.sign.notes import BadNote
from app.sign.settings import SignerSettings
from app.sign.stamping import StampFailed, stamp
from app.telemetry import logs

Command = Callable[[argparse.Namespace, SignerSettings], int]


def _tenant(text: str) -> str:
    if not notes.is_tenant(text):
        raise argparse.ArgumentTypeError("not the id of a tenant")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = terminal.Parser(
        prog="python -m app.sign",
        description=__doc__,
        epilog=f"Configured by these environment variables. An empty one counts as not set.\n\n"
        f"{describe(SignerSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="name", required=True)

    def command(name: str, run: Command, meaning: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=meaning)
        added.set_defaults(run=run)
        return added

    init = command("init", _init, "make a key and an empty memory")
    either = init.add_mutually_exclusive_group(required=True)
    either.add_argument("--name", help="the log's name, a host name that you own; it can never be changed")
    either.add_argument("--new-memory", action="store_true", help="only an empty memory, where the memory was lost")
    run = command("run", _run, "sign until told to stop")
    run.add_argument("--once", action="store_true", help="one round; status 1 where a tree is refused or not signed")
    run.add_argument("--interval", type=float, help="seconds between two rounds (default: SIGNER_INTERVAL)")
    run.add_argument(
        "--while-stdin-is-open", action="store_true", help="end when standard input is closed: for a parent"
    )
    rotate = command("rotate", _rotate, "make a new key; the old one signs beside it for a while")
    rotate.add_argument("--overlap-days", type=int, default=90, help="for how long both sign (default: 90)")
    vkey = command("vkey", _vkey, "print what a tenant verifies its checkpoints with")
    vkey.add_argument("--tenant", type=_tenant, required=True)
    vkey.add_argument("--epoch", type=int, default=1, help="of another epoch, for verifiers that know no epochs")
    vkey.add_argument(
        "--rotation", action="store_true", help="the new key in a note that the old key has signed, during a rotation"
    )
    command("known", _known, "print the last signed head of each tree, for app.seal begin-epoch --known")
    resume = command("resume", _resume, "end the refusals of a tenant, once their cause is gone")
    resume.add_argument("--tenant", type=_tenant, required=True)
    adopting = command("adopt", _adopt, "take checkpoints from outside into a memory that was lost or rolled back")
    adopting.add_argument("--key", action="append", default=[], metavar="VKEY", help="of an earlier key that is lost")
    adopting.add_argument("checkpoint", nargs="+", type=Path, help="a file, or a directory of files")
    stamping = command("stamp", _stamp, "get an RFC 3161 time-stamp for a checkpoint from TSA_URL")
    stamping.add_argument("checkpoint", type=Path)
    stamping.add_argument("--out", type=Path, help="the time-stamp's file (default: CHECKPOINT.tsr)")
    return parser


def _init(arguments: argparse.Namespace, settings: SignerSettings) -> int:
    directory = settings.signer_directory
    if not arguments.new_memory:
        files.create(directory, arguments.name)
    with files.locked(directory):
        files.load(directory)
        if arguments.new_memory and files.memory_file(directory).exists():
            raise files.BadDirectory(f"{files.memory_file(directory)} exists: a memory is never replaced")
        Memory(files.memory_file(directory), create=True).close()
    terminal.write(f"made in {directory}; keep a copy of key.pem where this machine cannot reach it")
    return 0


def _run(arguments: argparse.Namespace, settings: SignerSettings) -> int:
    logging.config.dictConfig(logs.CONFIGURATION)
    input_fd = sys.stdin.fileno() if arguments.while_stdin_is_open else None
    return asyncio.run(running.run(settings, once=arguments.once, interval=arguments.interval, until_closed=input_fd))


def _rotate(arguments: argparse.Namespace, settings: SignerSettings) -> int:
    until = datetime.now(UTC) + timedelta(days=arguments.overlap_days)
    with files.locked(settings.signer_directory):
        files.rotate(settings.signer_directory, until)
    terminal.write(f"a new key signs; the one before signs too until {until:%Y-%m-%d %H:%M:%SZ}")
    return 0


def _vkey(arguments: argparse.Namespace, settings: SignerSettings) -> int:
    keys = files.load(settings.signer_directory)
    name = notes.origin_of(keys.log_name, arguments.tenant, arguments.epoch)
    vkey = notes.key_of(name, keys.current)
    if not arguments.rotation:
        terminal.write(str(vkey))
        return 0
    signing = keys.at(datetime.now(UTC))
    if len(signing) == 1:
        raise files.BadDirectory("no rotation is going on: the key before signs nothing")
    # Not the form of a checkpoint: its second line is no size, so nothing takes one for the other.
    text = f"{name}\nis signed with a new key\n{vkey}\nthe key below signs until {keys.previous_until:%Y-%m-%d}\n"
    terminal.write(f"{text}\n{notes.sign(text, name, signing[1])}".removesuffix("\n"))
    return 0


def _memory(settings: SignerSettings) -> Memory:
    files.load(settings.signer_directory)
    return Memory(files.memory_file(settings.signer_directory))


def _known(_: argparse.Namespace, settings: SignerSettings) -> int:
    memory = _memory(settings)
    heads = [
        {"tenant_id": tenant, "epoch": epoch, "size": epochs[epoch].size, "root": epochs[epoch].root.hex()}
        for tenant, epochs in sorted(memory.known.items())
        for epoch in sorted(epochs)
    ]
    terminal.write(json.dumps(heads, separators=(",", ":")))
    return 0


def _resume(arguments: argparse.Namespace, settings: SignerSettings) -> int:
    with files.locked(settings.signer_directory):
        ended = _memory(settings).allow(arguments.tenant)
    terminal.write(f"{ended} refusals ended; the next round checks anew, against the same memory")
    return 0


def _adopt(arguments: argparse.Namespace, settings: SignerSettings) -> int:
    with files.locked(settings.signer_directory):
        keys = files.load(settings.signer_directory)
        more = [notes.parse_vkey(text).public for text in arguments.key]
        adopted, left = adopt(_memory(settings), keys, more, arguments.checkpoint)
    terminal.write(f"{adopted} adopted; {left} were older than the memory")
    return 0


def _stamp(arguments: argparse.Namespace, settings: SignerSettings) -> int:
    out = arguments.out or arguments.checkpoint.with_name(arguments.checkpoint.name + ".tsr")
    at = stamp(settings, arguments.checkpoint, out)
    terminal.write(f"{out}: stamped at {at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}")
    return 0


def main() -> int:
    """Run the command line; return the exit status: 0, or 1 with the reason in one line, or 2 for a wrong command."""
    terminal.escape_unencodable()
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments, read_as(SignerSettings)))
    except (
        SettingsRefused, files.BadDirectory, BadNote, StampFailed, database_url.BadDatabaseUrl,
        running.RunRefused,
    ) as error:  # fmt: skip
        terminal.complain(str(error))
    except OSError as error:
        terminal.complain(f"{error.filename or 'standard output'}: {error.strerror}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
