"""Tells network filesystems, where SQLite can rely neither on locks nor on shared memory, from local disks."""

import os
from contextlib import suppress
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.juicefs", "fuse.s3fs", "fuse.sshfs",
    "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs",
}  # fmt: skip


def network_filesystem(directory: Path) -> str | None:
    """Return the type of the network filesystem that `directory` is on; None on any other, and where Linux is not."""
    device = directory.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with suppress(FileNotFoundError):
        for line in MOUNTS.read_text().splitlines():  # proc_pid_mountinfo(5)
            mount, _, filesystem = line.partition(" - ")
            if mount.split()[2] == number and (kind := filesystem.split()[0]) in _NETWORK:
                return kind
    return None
