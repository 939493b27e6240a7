"""What the kernel says about processes."""

import os
from pathlib import Path


def processor_seconds(pids):
    """Time on a processor of all threads of some processes, in seconds."""
    nanoseconds = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            nanoseconds += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def status_kib(pid, *names):
    """Figures of a process's memory in KiB, by the kernel's names."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(fields[name].split()[0]) for name in names)


def memory_kib(pid):
    """Memory of a process in KiB: (resident, of it anonymous)."""
    return status_kib(pid, "VmRSS", "RssAnon")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
