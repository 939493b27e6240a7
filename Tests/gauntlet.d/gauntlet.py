"""What every attack has in common: who must not notice, how much memory it may cost, how soon it must be over."""

import hashlib
import multiprocessing
import os
import socket
import subprocess
import sys
import time

import bystander
import lab

MEMORY_KIB = 32 * 1024
CUT_SECONDS = 5
# A bystander may have to wait for one TLS handshake of a peer, and for one turn of its frames, whatever it waits for
# otherwise: on a machine as small as this each is a millisecond.
SLACK_SECONDS = 0.002
# For so long the bystander's times without an attack are those to compare with.
REST_SECONDS = 10


class Gauntlet:
    """The lab with its applications and bystanders; one attack after the other."""

    def __init__(self, target="node-south", words=("connection failed", lab.STRANGER), beside=(), **environment):
        """The node proxy that is attacked, what its log says of an attacker beside the reason, and where there are
        bystanders beside the usual one."""
        self.words = words
        # What the bystanders last saw without an attack, and when.
        self.rest, self.rested = [], -REST_SECONDS
        lab.up(**environment)
        lab.certify("stranger", "spiffe://cluster.local/ns/street/sa/stranger")
        lab.certify("host", "spiffe://cluster.local/ns/street/sa/host")
        self.target = lab.Program(target)
        # Whose memory is bounded.
        self.measured = [self.target]
        for name in ("node-north", "node-south"):
            lab.favour(lab.Program(name).pid)
        self.failures = []
        self.apps = [self.start("apps.py"), self.start("apps.py", "quiet")]
        lab.favour(self.apps[1].pid)
        for attempt in range(50):
            try:
                self.bystander = bystander.Bystander()
                break
            except AssertionError:
                assert attempt < 49, "the lab does not carry traffic"
                time.sleep(0.2)
        self.bystanders = [self.bystander, *(bystander.Bystander(place) for place in beside)]
        time.sleep(1)
        self.take()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.bystanders:
            one.stop()
        for app in self.apps:
            app.kill()
            app.wait()
        lab.down()

    def start(self, name, *arguments, place=lab.LEDGER):
        """Starts one of our programs in a pod, and waits for its first line."""
        path = os.path.join(os.path.dirname(__file__), name)
        words = ["ip", "netns", "exec", f"{lab.NAME}-{lab.NAMESPACES[place]}", sys.executable, "-B", path, *arguments]
        process = subprocess.Popen(words, stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    def check(self, name, body, *arguments):
        """Runs one check and goes on with the next when it fails."""
        started = time.monotonic()
        try:
            note = body(*arguments) or ""
        except Exception as failure:
            self.failures.append(name)
            print(f"FAILED  {name}: {type(failure).__name__}: {failure}", flush=True)
            return
        print(f"ok      {name} ({time.monotonic() - started:.1f} s) {note}", flush=True)

    def attack(self, name, attack, reason=None, innocent=None, is_cut=True, seconds=1.5, kind="flood", trace=None):
        """`attack` returns an Outcome, in a process of its own, and is repeated for a while. `reason` is in the log when
        it is cut off, and `kind` is how the counter of refused peers names that, unless it leaves another trace. The
        innocent twin must go through, before and after. Where the attack has peers to `dial` first, that is no part of it,
        nor are their handshakes."""
        if trace is None and reason is not None:
            # Where the node has no reason to give beside the kind, nothing may be asked for.
            why = f'failed: {reason}"' if reason else "failed: "
            trace = Trace(*self.words, why, counter="culvert_peers_refused_total", reason=kind)
        if innocent:
            self.check(f"{name}: its innocent twin", innocent)
        self.check(name, self.survive, attack, trace, is_cut, seconds)
        if innocent:
            self.check(f"{name}: its innocent twin, afterwards", innocent)

    def survive(self, *attack):
        return persist(lambda isolated: self.survive_once(*attack, isolated))

    def survive_once(self, attack, trace, is_cut, seconds, isolated):
        mark, counted = self.target.mark(), trace.counted(self.target) if trace else 0
        if isolated or time.monotonic() - self.rested > REST_SECONDS:
            self.rest = self.at_rest()
            self.rested = time.monotonic()
        peers = attack.dial() if hasattr(attack, "dial") else []
        self.take()
        at_rest = peaks = self.resident()
        ours, theirs = multiprocessing.Pipe()
        attacker = multiprocessing.get_context("fork").Process(target=repeat, args=(attack, seconds, theirs), daemon=True)
        attacker.start()
        for peer in peers:
            # The attacker has them now.
            peer.close()
        deadline = time.monotonic() + seconds + 20
        while not ours.poll(0.02):
            peaks = list(map(max, peaks, self.resident()))
            assert time.monotonic() < deadline, "the attack does not end"
        outcomes = ours.recv()
        attacker.join(5)
        peaks = list(map(max, peaks, self.resident()))
        during = self.take()
        if isinstance(outcomes, str):
            raise AssertionError(outcomes)
        for outcome in outcomes:
            assert outcome.is_cut == is_cut, outcome
            if is_cut:
                assert outcome.seconds <= CUT_SECONDS, outcome
        said = trace.left(self.target, mark, counted, len(outcomes)) if trace else ""
        grown = max(peak - before for peak, before in zip(peaks, at_rest))
        assert grown <= MEMORY_KIB, f"{grown} KiB more"
        noticed = compare(self.rest, during)
        slowest = max(outcome.seconds for outcome in outcomes)
        told = "".join(f"; {outcome.note}" for outcome in outcomes if outcome.note)
        return f"{len(outcomes)} times, {slowest:.2f} s at most; {grown} KiB; {noticed}; {said}{told}"

    def resident(self):
        """The memory of each node that is measured, in KiB."""
        return [program.resident() for program in self.measured]

    def take(self):
        """What each of the bystanders has seen since the last time."""
        return [one.take() for one in self.bystanders]

    def at_rest(self, attackers=1):
        """The same beside processes that are as many and as busy as the attackers, and touch no node."""
        fork = multiprocessing.get_context("fork")
        burners = [fork.Process(target=burn, daemon=True) for _ in range(attackers)]
        for burner in burners:
            burner.start()
        self.take()
        time.sleep(1.5)
        seen = self.take()
        for burner in burners:
            burner.kill()
            burner.join()
        return seen

    def finish(self):
        """The word at the end."""
        print(f"{len(self.failures)} failed", flush=True)
        sys.exit(1 if self.failures else 0)


class Trace:
    """What an attack leaves with the node: lines of the log with all of these words, and one more on a counter for each
    time."""

    def __init__(self, *words, counter, **labels):
        self.words, self.counter, self.labels = words, counter, labels

    def counted(self, program):
        return program.counted(self.counter, **self.labels)

    def left(self, program, mark, counted, times):
        """Waits for both; what the log says of why."""
        line = program.says(mark, *self.words)
        deadline = time.monotonic() + 5
        while (raised := self.counted(program) - counted) < times:
            assert time.monotonic() < deadline, f"{self.counter} {self.labels} rose by {raised:.0f}, not by {times}"
            time.sleep(0.1)
        return line.rpartition("error=")[2]


class Noticed(AssertionError):
    """A bystander had to wait."""


def persist(body):
    """What `body(isolated)` returns, which is tried twice more while a bystander has to wait: somebody else may have been
    busy."""
    for attempt in range(2):
        try:
            return body(attempt > 0)
        except Noticed:
            time.sleep(1)
    return body(True)


def compare(quiet, busy):
    """The bound of all attacks on what bystanders notice: their p99 at most doubles, on connections that they have and on
    new ones."""
    notes, is_noticed = [], False
    for before, during in zip(quiet, busy):
        for what, seen, sees in zip(("p99", "new"), before, during):
            seen, sees = bystander.p99(seen), bystander.p99(sees)
            notes.append(f"{what} {1000 * seen:.1f} -> {1000 * sees:.1f} ms")
            is_noticed = is_noticed or sees > max(2 * seen, seen + SLACK_SECONDS)
    if is_noticed:
        raise Noticed("; ".join(notes))
    return "; ".join(notes)


def burn():
    """Does what an attacker does, with nobody."""
    lab.stand_back()
    ours, theirs = socket.socketpair()
    chunk = bytes(1 << 16)
    while True:
        ours.sendall(hashlib.sha256(chunk).digest())
        theirs.recv(1 << 10)


def repeat(attack, seconds, pipe):
    lab.stand_back()
    outcomes, started = [], time.monotonic()
    try:
        while not outcomes or time.monotonic() - started < seconds:
            outcomes.append(attack())
            if not outcomes[-1].is_cut:
                break
        pipe.send(outcomes)
    except BaseException as failure:
        pipe.send(f"the attack failed: {failure!r}")
