"""The spool's directory: for its owner alone, on a local disk, with a lock that one worker holds at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.model.refusals import RefusedToServe

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.juicefs", "fuse.s3fs", "fuse.sshfs",
    "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs",
}  # fmt: skip


def make_directory(directory: Path) -> None:
    """Make it where it is missing. Raises OSError, and RefusedToServe on a network filesystem."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid != os.geteuid():
        raise PermissionError(1, "it belongs to somebody else")
    device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
    for line in MOUNTS.read_text().splitlines() if MOUNTS.exists() else ():  # proc_pid_mountinfo(5); Linux alone has it
        mount, _, filesystem = line.partition(" - ")
        if mount.split()[2] == device and (kind := filesystem.split()[0]) in _NETWORK:
            raise RefusedToServe(
                f"the spool {directory} is on {kind}, a network filesystem, where SQLite cannot rely on locks and"
                " shared memory; name a directory on a local disk in SPOOL_PATH, or set SPOOL=false"
            )
    directory.chmod(0o700)


@contextmanager
def lock(directory: Path) -> Iterator[bool]:
    """Hold its lock for the block, and say whether it could be had. It ends with the process, however that ends."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
