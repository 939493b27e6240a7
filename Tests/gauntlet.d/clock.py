"""The time of day jumps, for both node proxies at once; the control plane's stays as it is."""

import os
import struct
import subprocess
import time

import gauntlet
import lab
from exhaustion import connect, exchanges, recovers

HOUR = 3600


class Clock:
    """The nodes' time, by a library that is loaded before all others: clocks of the machine are left alone."""

    def __init__(self, folder):
        self.file, self.library = folder / "gauntlet-clock", folder / "gauntlet-clock.so"
        self.file.write_bytes(bytes(8))
        source = os.path.join(os.path.dirname(__file__), "clock.c")
        words = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self.library, source]
        subprocess.run(words, check=True)

    def set(self, seconds):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=q", seconds))


def jump(run, clock, seconds):
    """The clock is wrong by so much, and then right again. Nothing that was there is lost, and new connections work."""
    kept = [connect(lab.WEB, lab.LEDGER, lab.ECHO) for _ in range(5)]
    assert all(exchanges(connection) for connection in kept)
    run.bystander.take()
    mark = run.target.mark()
    for wrong in (seconds, 0):
        clock.set(wrong)
        time.sleep(1)
        assert all(exchanges(connection) for connection in kept), "a connection was lost that was there before"
        recovers()
        run.bystander.take()
    for connection in kept:
        connection.close()
    said = [line for line in run.target.said(mark).splitlines() if "error" in line]
    assert not said, said[:2]


def beyond(run, clock):
    """The clock is a year ahead: no certificate holds there, so nothing new is let in. Then it is right again."""
    clock.set(365 * 24 * HOUR)
    try:
        time.sleep(1)
        with connect(lab.WEB, lab.LEDGER, lab.ECHO, timeout=3) as connection:
            assert not exchanges(connection), "a certificate held that has expired"
    except OSError:
        pass
    finally:
        clock.set(0)
    recovers(within=15)


def main():
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder))
        with gauntlet.Gauntlet(
            ZTUNNEL_WORKER_THREADS=1, LD_PRELOAD=clock.library, GAUNTLET_CLOCK=clock.file
        ) as run:
            for name, seconds in [("ten minutes ahead", 600), ("ten minutes back", -600), ("an hour ahead", HOUR)]:
                run.check(f"the clock is {name}", jump, run, clock, seconds)
            run.bystander.stop()
            run.check("the clock is a year ahead", beyond, run, clock)
            run.finish()


if __name__ == "__main__":
    main()
