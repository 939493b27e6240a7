"""Many connections of one source, each of which stays just below what one may do, or all of which flood at once."""

import contextlib
import select
import ssl
import time

import floods
import frames
import gauntlet
import lab
import resets
from peer import Bare, Outcome, Peer

TUNNELS = 100
SECONDS = 4
TICK = 0.1
# Of what one may do a second, and of the rate that is meant, which an attacker on a small machine may miss.
SHARE, REACHED = 0.8, 0.5
# Those that flood in the same instant. By default one source may have 512.
CROWD = 300


def pings(peer, count):
    return floods.PING * count


def withdrawn(peer, count):
    first = peer.next_stream
    peer.next_stream += 2 * count
    return b"".join(resets.connect(stream) + frames.reset(stream) for stream in range(first, peer.next_stream, 2))


def small(peer, count):
    """One byte at a time on the first stream."""
    return frames.frame(frames.DATA, 0, 1, b"k") * count


def pump(peer):
    """Sends what it can, and drops what comes. False when the connection is lost."""
    try:
        with contextlib.suppress(BlockingIOError):
            while peer.unsent:
                peer.unsent = peer.unsent[peer.socket.send(peer.unsent[: 1 << 18]) :]
        with contextlib.suppress(BlockingIOError):
            while data := peer.socket.recv(1 << 18):
                pass
            return False
    except (OSError, ssl.SSLError):
        return False
    return True


def together(piece, rate, gap):
    """So many a second on each of the tunnels, for a while, one tunnel so long after the other; none of them is cut."""

    peers = []

    def dial():
        peers[:] = dialled(TUNNELS)
        return peers

    def attack():
        count, made, is_lost = int(rate * SHARE * TICK), 0, False
        started = due = time.monotonic()
        while time.monotonic() - started < SECONDS and not is_lost:
            for peer in peers:
                if not peer.unsent:
                    peer.queue(piece(peer, count))
                    made += count
            for peer in peers:
                is_lost = is_lost or not pump(peer)
                if gap:
                    due = max(due + gap, time.monotonic() - TICK)
                    time.sleep(max(0, due - time.monotonic()))
            if not gap:
                due = max(due + TICK, time.monotonic() - TICK)
                time.sleep(max(0, due - time.monotonic()))
        span = time.monotonic() - started
        for peer in peers:
            peer.close()
        reached = made / span
        assert is_lost or reached >= REACHED * rate * SHARE * TUNNELS, f"no more than {reached:.0f} a second"
        return Outcome(peers[0], is_lost, span)

    attack.dial = dial
    return attack


def dialled(count):
    """So many tunnels, each with a stream."""
    peers = [Peer.dial().begin() for _ in range(count)]
    for peer in peers:
        peer.open(f"{lab.LEDGER}:{lab.SINK}")
    return peers


def flooding(run, piece, count):
    """So many at a time on each of a crowd of tunnels, which all begin in the same instant and go on until they are cut
    off, or for a while: together they may keep the node so busy that each has its budget back before it is spent."""

    crowd = []

    def dial():
        crowd[:] = dialled(CROWD)
        return crowd

    def attack():
        peers, poll = {peer.socket.fileno(): peer for peer in crowd}, select.poll()
        for peer in crowd:
            peer.queue(piece(peer, count))
            poll.register(peer.socket, select.POLLIN | select.POLLOUT)
        before, started = run.target.counted("culvert_peers_refused_total", reason="flood"), time.monotonic()
        while peers and time.monotonic() - started < SECONDS:
            for number, _ in poll.poll(100):
                peer = peers[number]
                if not pump(peer):
                    poll.unregister(number)
                    peers.pop(number).close()
                elif not peer.unsent:
                    peer.queue(piece(peer, count))
        span = time.monotonic() - started
        for peer in peers.values():
            peer.close()
        digested(run.target)
        outcome = Bare(False, span, 0)
        cut = run.target.counted("culvert_peers_refused_total", reason="flood") - before
        outcome.note = f"{cut:.0f} of {CROWD} were cut off"
        return outcome

    attack.dial = dial
    return attack


def digested(program):
    """Waits until the node is done with what it was sent: till then its bystanders wait as during the attack."""
    deadline, spent = time.monotonic() + 15, 1
    while spent > 0.1:
        assert time.monotonic() < deadline, "the node does not come to rest"
        before = program.processor_seconds()
        time.sleep(0.5)
        spent = program.processor_seconds() - before


def at_rest(program, descriptors):
    """It is over when they are gone: nothing is left open, and the node does next to nothing."""
    deadline = time.monotonic() + gauntlet.CUT_SECONDS
    while (left := program.descriptors() - descriptors) > 20:
        assert time.monotonic() < deadline, f"{left} descriptors are left"
        time.sleep(0.1)
    before = program.processor_seconds()
    time.sleep(1)
    spent = program.processor_seconds() - before
    assert spent < 0.5, f"{spent:.2f} s of processor time in one"
    return f"{left} descriptors more, {spent:.2f} s of processor time in one"


def many():
    """The innocent twin: as many tunnels, each with a stream that is used."""
    peers = [Peer.dial().begin() for _ in range(TUNNELS)]
    streams = [peer.open() for peer in peers]
    for peer, stream in zip(peers, streams):
        peer.echo(stream, b"one of many")
    for peer in peers:
        assert peer.goaway is None, peer.reason
        peer.close()


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        descriptors = run.target.descriptors()
        for what, piece, rate in [
            ("PING", pings, 1000), ("requests withdrawn", withdrawn, 500), ("one-byte DATA", small, 1000)
        ]:
            for how, gap in [("one after the other", TICK / TUNNELS), ("at once", 0)]:
                name = f"{what} on {TUNNELS} tunnels, {how}"
                run.attack(name, together(piece, rate, gap), innocent=many, is_cut=False)
                run.check(f"{name}: the end", at_rest, run.target, descriptors)
        for what, piece, count in [
            ("PING", pings, 4000), ("requests withdrawn", withdrawn, 1000), ("one-byte DATA", small, 4000)
        ]:
            name = f"flood of {what} on {CROWD} tunnels"
            run.attack(name, flooding(run, piece, count), innocent=many, is_cut=False)
            run.check(f"{name}: the end", at_rest, run.target, descriptors)
        run.finish()


if __name__ == "__main__":
    main()
