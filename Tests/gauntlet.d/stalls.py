"""Readers that stop: 100 of 1,000 streams, and several peers whose windows are full."""

import multiprocessing
import os
import time

import frames
import gauntlet
import lab
from peer import Peer

MUTE = f"{lab.LEDGER}:{lab.MUTE}"


# How many streams are stalled in turn, of how many in all, and what that may cost the others at the most.
STALLED, STREAMS, SLOWED = (25, 50, 75, 100), 1000, 1.1
# Measured anew when somebody else may have been busy.
ATTEMPTS = 5


class Siblings:
    """One connection with many streams that are busy, beside some whose application does not read."""

    def __init__(self):
        # Credit for all that will ever come back.
        self.peer = Peer.dial().begin(window=1 << 24)
        self.busy = [self.peer.open() for _ in range(50)]
        self.busy += [self.peer.request(f"{lab.LEDGER}:{lab.ECHO}") for _ in range(STREAMS - STALLED[-1] - len(self.busy))]
        assert all(self.peer.status(stream) == "200" for stream in self.busy), "not all were answered"
        self.stalled = []

    def stall(self, count):
        """So many streams take nothing more: as much is sent as the windows allow, of which the kernel takes some."""
        added = [self.peer.open(MUTE) for _ in range(count - len(self.stalled))]
        for stream in added:
            self.peer.send(frames.frame(frames.DATA, 0, stream, bytes(16000)) * 4)
        self.stalled += added
        time.sleep(0.2)

    def release(self):
        """Nothing is stalled any more."""
        self.peer.send(b"".join(frames.reset(stream) for stream in self.stalled))
        self.stalled = []
        time.sleep(0.5)

    def exchange(self):
        """The least that a message there and back takes on all that are busy."""
        return min(self.round() for _ in range(30))

    def round(self):
        self.peer.frames = []
        started = time.monotonic()
        self.peer.send(b"".join(frames.frame(frames.DATA, 0, stream, b"x" * 200) for stream in self.busy))
        wanted = 200 * len(self.busy)
        arrived = lambda: sum(len(f[3]) for f in self.peer.frames if f[0] == frames.DATA) >= wanted
        assert self.peer.wait(arrived, 20), "bytes are missing"
        assert not self.peer.saw(frames.RST_STREAM), "a stream was reset"
        return time.monotonic() - started


def siblings(run):
    """On one connection, 100 streams whose application does not read slow no other by more than a tenth."""
    # What is compared is how long the node takes: neither end is to wait for other programs of this machine.
    with lab.favoured(os.getpid()), lab.favoured(run.apps[0].pid):
        line = Siblings()
        before = line.exchange()
        told = [f"{1000 * before:.1f} ms"]
        for count in STALLED:
            for attempt in range(ATTEMPTS):
                if attempt > 0:
                    line.release()
                    before = line.exchange()
                line.stall(count)
                after = line.exchange()
                if after <= SLOWED * before:
                    break
            told.append(f"{1000 * after:.1f} ms beside {count}")
            assert after <= SLOWED * before, f"{1000 * before:.1f} ms beside none; {', '.join(told)}"
        for stream in line.busy[:10]:
            line.peer.echo(stream, b"after")
        line.peer.close()
    return ", ".join(told)


def stuff(pipe):
    """Fills the windows of 250 streams to an application that does not read, as they grow, and holds them."""
    lab.stand_back()
    try:
        peer = Peer.dial().begin()
        streams = [peer.request(MUTE) for _ in range(250)]
        for stream in streams:
            peer.status(stream)
        windows = {stream: 65535 for stream in streams}
        pipe.send("ready")
        pipe.recv()
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline:
            for frame in peer.frames:
                if frame[0] == frames.WINDOW_UPDATE and frame[2] in windows:
                    windows[frame[2]] += int.from_bytes(frame[3], "big")
                elif frame[0] == frames.RST_STREAM:
                    windows.pop(frame[2], None)
            peer.frames = []
            for stream, left in windows.items():
                if left > 16000 and not peer.unsent:
                    peer.queue(frames.frame(frames.DATA, 0, stream, bytes(16000)))
                    windows[stream] = left - 16000
                    peer.move(0)
            peer.move(0.01)
    except OSError:
        pass
    pipe.send("done")


def fill(run, count, begin=lambda: None):
    """So many of them dial, and once all have, fill what they may: as with all attacks, dialling is no part of it. Returns
    by how much the node grew."""
    at_rest = peak = run.target.resident()
    context = multiprocessing.get_context("fork")
    pipes = []
    for _ in range(count):
        ours, theirs = multiprocessing.Pipe()
        context.Process(target=stuff, args=(theirs,), daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        assert pipe.poll(20) and pipe.recv() == "ready", "a peer is not let in"
    begin()
    for pipe in pipes:
        pipe.send("go")
    deadline = time.monotonic() + 40
    while pipes and time.monotonic() < deadline:
        peak = max(peak, run.target.resident())
        pipes = [pipe for pipe in pipes if not (pipe.poll() and pipe.recv() == "done")]
        time.sleep(0.1)
    grown = peak - at_rest
    assert grown <= gauntlet.MEMORY_KIB, f"{grown} KiB more"
    return f"{grown} KiB more at the most"


def several(run):
    """Eight of them fill what they may; the node stays inside its budget, resets streams and says so; the bystander
    does not notice."""
    mark, counted = run.target.mark(), run.target.counted("culvert_stalled_streams_reset_total")
    before = run.at_rest(attackers=8)
    told = fill(run, 8, run.take)
    during = run.take()
    cut = run.target.counted("culvert_stalled_streams_reset_total") - counted
    assert cut > 0, f"no stream was reset; {told}"
    run.target.says(mark, lab.STRANGER, "bytes wait for an application that does not read")
    return f"{told}; {cut:.0f} streams reset; {gauntlet.compare(before, during)}"


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as before:
        before.check("100 stalled readers among 1,000 streams", siblings, before)
    # Nodes that have held nothing yet: memory that they have had would be used again.
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        run.failures += before.failures
        run.check("eight peers that stall with full windows", gauntlet.persist, lambda _: several(run))
        run.finish()


if __name__ == "__main__":
    main()
