"""What programs of Tests/day have kept that they should have given back."""

import statistics

import mesh
from backbone import TUNNEL_PORT

# What anonymous memory may grow by after its first minute, in KiB: from one half of the time to the other, and all the while
# as its slope has it. Over a day of 20 minutes the latter comes to 6 MiB an hour.
GROWTH_MAX = 3 * 1024
DRIFT_MAX = 2 * 1024
# What it may hold more at later rests than at earlier ones, in KiB.
KEPT_MAX = 2 * 1024
# What a set of labels takes for as long as a node counts traffic under it, in KiB: a page for each of two workers, on which
# little else is left. It is kept for ten minutes after its workload has gone.
LABELS = 8
# With more of them than this, two workers forget at once who has gone.
LABELLED_MAX = 1024
# A program's first minute fills tables, arenas and caches.
WARM_UP = 60.0
# Those of three minutes: what is under way and what is free differ by MiB from one moment to the next, and of less time only
# the rests say something.
SAMPLES_MIN = 36
# What is under way comes and goes; what is kept shows in the least of so many seconds, some of them calm.
CYCLE = 45.0

# For how long, in seconds, connection tracking keeps what is sent again and again without an answer.
UNANSWERED_MAX = 300


def slope(samples):
    """The median of the slopes between all pairs (Theil and Sen), which a few outliers do not move; units a second."""
    slopes = [
        (after - before) / (late - early)
        for number, (early, before) in enumerate(samples)
        for late, after in samples[number + 1 :] if late > early]
    return statistics.median(slopes)


def unexplained(size, labelled):
    """Memory without what this number of sets of labels may take."""
    return size - LABELS * min(labelled, LABELLED_MAX)


def judge_memory(samples, started):
    """Samples are moments and KiB. Gives what to print, and what is wrong or None; None twice for too few samples."""
    samples = [(moment, size) for moment, size in samples if moment >= started + WARM_UP]
    if len(samples) < SAMPLES_MIN:
        return None, None
    half = len(samples) // 2
    before, after = (min(size for _, size in part) for part in (samples[:half], samples[half:]))
    span = samples[-1][0] - samples[0][0]
    cycles = {}
    for moment, size in samples:
        cycle = (moment - samples[0][0]) // CYCLE
        cycles[cycle] = min(size, cycles.get(cycle, size))
    drift = slope([(cycle * CYCLE, size) for cycle, size in cycles.items()]) * span if len(cycles) > 3 else 0
    text = f"{before:.0f} KiB, then {after:.0f} KiB; its slope makes {drift:+.0f} KiB in {span:.0f} s"
    wrong = after - before > GROWTH_MAX or drift > DRIFT_MAX
    return text, f"memory grows: {text}" if wrong else None


def judge_rests(sizes):
    """Sizes in KiB at the rests of a program. Gives the same as `judge_memory`."""
    if len(sizes) < 2:
        return None, None
    half = len(sizes) // 2
    kept = max(min(sizes[half:]) - min(sizes[:half]), slope(list(enumerate(sizes))) * (len(sizes) - 1))
    text = f"{sizes} KiB"
    return text, f"memory is kept: {kept:+.0f} KiB from rest to rest: {text}" if kept > KEPT_MAX else None


def connections(network):
    """TCP connections that the connection tracking of a namespace takes for open."""
    return tracked(mesh.run(*mesh.inside(network), "cat", "/proc/net/nf_conntrack", check=False).splitlines())


def tracked(lines):
    """Of a namespace's tracked connections those that are open, and stay so. A tunnel whose peer was gone when it ended, with
    the link or as a pod, has said so to nobody: what was sent is not acknowledged, the end waits behind it, and the kernel
    gives up. Then tracking forgets it within minutes, where it keeps an open connection for days."""
    found = []
    for line in lines:
        words = line.split()
        if words[2] == "tcp" and words[5] == "ESTABLISHED":
            if f"dport={TUNNEL_PORT}" not in words[:10] or int(words[4]) > UNANSWERED_MAX:
                found.append(line)
    return found


def sockets(network):
    """TCP sockets of a namespace that somebody holds; what the kernel ends by itself is in other states."""
    lines = mesh.run(*mesh.inside(network), "ss", "-Htan").splitlines()
    return [line for line in lines if line.split()[0] in ("ESTAB", "CLOSE-WAIT", "SYN-SENT", "SYN-RECV")]


def held(program):
    """The pods' namespaces that a program holds; the kernel calls one that is gone by the root's name."""
    return {path for path in program.open_files() if "/netns/" in path or path.startswith("net:") or path == "/"}


def namespaces():
    names = {line.split()[0] for line in mesh.run("ip", "netns", "list").splitlines()}
    return {name for name in names if name == mesh.LAB or name.startswith(f"{mesh.LAB}-")}
