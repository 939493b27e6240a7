"""Readers that stop: 100 of 1,000 streams, and several peers whose windows are full."""

import multiprocessing
import time

import frames
import gauntlet
import lab
from peer import Peer

MUTE = f"{lab.LEDGER}:{lab.MUTE}"


def siblings():
    """On one connection, 100 streams whose application does not read slow no other by more than a tenth."""
    peer = Peer.dial().begin()
    others = [peer.open() for _ in range(50)]
    others += [peer.request(f"{lab.LEDGER}:{lab.ECHO}") for _ in range(850)]
    assert all(peer.status(stream) == "200" for stream in others), "not all were answered"

    def exchange():
        """The least that a round of all of them takes, in five."""
        least = 1e9
        for _ in range(5):
            peer.frames = []
            started = time.monotonic()
            peer.send(b"".join(frames.frame(frames.DATA, 0, stream, b"x" * 200) for stream in others))
            wanted = 200 * len(others)
            assert peer.wait(lambda: sum(len(f[3]) for f in peer.frames if f[0] == frames.DATA) >= wanted, 20)
            least = min(least, time.monotonic() - started)
        return least

    for _ in range(4):
        before = exchange()
        stalled = [peer.open(MUTE) for _ in range(25)]
        # As much as the windows allow, of which the kernel takes some.
        for stream in stalled:
            peer.send(frames.frame(frames.DATA, 0, stream, bytes(16000)) * 4)
        time.sleep(0.2)
        after = exchange()
    assert after <= 1.1 * before + 0.03, f"{before:.3f} s before, {after:.3f} s beside them"
    for stream in others[:10]:
        peer.echo(stream, b"after")
    peer.close()
    return f"{1000 * before:.0f} ms, {1000 * after:.0f} ms beside the last of them"


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


def fill(run, count):
    """So many of them fill what they may, meanwhile. Returns by how much the node grew."""
    at_rest = peak = run.target.resident()
    context = multiprocessing.get_context("fork")
    pipes = []
    for _ in range(count):
        ours, theirs = multiprocessing.Pipe()
        context.Process(target=stuff, args=(theirs,), daemon=True).start()
        pipes.append(ours)
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
    before, firsts_before = run.at_rest()
    told = fill(run, 8)
    during, firsts = run.bystander.take()
    cut = run.target.counted("culvert_stalled_streams_reset_total") - counted
    assert cut > 0, f"no stream was reset; {told}"
    run.target.says(mark, lab.STRANGER, "bytes wait for an application that does not read")
    noticed = gauntlet.compare(before, during, "p99") + "; " + gauntlet.compare(firsts_before, firsts, "new")
    return f"{told}; {cut:.0f} streams reset; {noticed}"


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        run.check("100 stalled readers among 1,000 streams", siblings)
        run.check("eight peers that stall with full windows", gauntlet.persist, lambda _: several(run))
        run.finish()


if __name__ == "__main__":
    main()
