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


def memory_kib(pid):
    """Memory of a process in KiB: (resident, of it anonymous)."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]), int(fields["RssAnon"].split()[0])
