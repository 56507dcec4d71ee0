"""What a service uses, read from /proc: processor time and memory of a process and all that it has started."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Service:
    """A service that runs. url: without a slash at its end; pid: of the process that was started."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used so far, in seconds."""
        return sum(_statistics(pid)[1] for pid in self._pids())

    def forget_peak_memory(self) -> None:
        """Let the peak of memory begin anew."""
        for pid in self._pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_memory_mib(self) -> float:
        """Return the largest resident memory since then, in MiB."""
        return sum(_status_kib(pid, "VmHWM") for pid in self._pids()) / 1024

    def memory_mib(self) -> float:
        """Return the resident memory, in MiB."""
        return sum(_status_kib(pid, "VmRSS") for pid in self._pids()) / 1024

    def _pids(self) -> list[int]:
        """Itself and its descendants."""
        parents = {int(entry.name): _statistics(int(entry.name))[0] for entry in Path("/proc").glob("[0-9]*")}
        found = [self.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found


def _statistics(pid: int) -> tuple[int, float]:
    """Return the parent and the processor time in seconds; zeros for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0.0
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS


def _status_kib(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
