"""A lab of two nodes with pods, and the processes in them. Everything is gone at the end."""

import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import manifests
from .failure import Failure

REPOSITORY = Path(__file__).resolve().parent.parent.parent
RELEASE = REPOSITORY / ".build/release"
BENCH = RELEASE / "culvert-bench"
CONTROL = RELEASE / "culvertctl"
CERTIFICATES = REPOSITORY / "Tests/peers/certificates"

CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"
# One worker and the same cipher as everybody else; the rest is as a node proxy comes.
NODE_SETTINGS = {"ZTUNNEL_WORKER_THREADS": "1", "CULVERT_CIPHER_SUITES": CIPHER_SUITE}
READY_SECONDS_MAX = 30
OPEN_FILES = 65536
numbers = iter(range(1000))


class World:
    """Pods of the mesh. With `allowed`, only these may call the server."""

    def __init__(self, pods, allowed=(), settings=None):
        self.name = f"bench-{os.getpid()}-{next(numbers)}"
        self.pods = pods
        self.allowed = allowed
        self.settings = NODE_SETTINGS | (settings or {})
        self.processes = []
        self.folder = tempfile.TemporaryDirectory(prefix="culvert-bench-")

    def __enter__(self):
        self.open_files = raise_open_files()
        manifests.write(self.path("manifests"), self.pods, self.allowed)
        settings = [word for name, value in self.settings.items() for word in ("--proxy", f"{name}={value}")]
        try:
            command(CONTROL, "lab", "up", "--name", self.name, *settings, self.path("manifests"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            self.end(process)
        if Path(f"/run/culvert-lab/{self.name}").exists():
            subprocess.run([CONTROL, "lab", "down", "--name", self.name], capture_output=True, check=False)
        self.folder.cleanup()

    def path(self, name):
        return str(Path(self.folder.name) / name)

    def namespace(self, place):
        """Of a pod, or of a node by its name."""
        if isinstance(place, str):
            return f"{self.name}-{place}"
        return f"{self.name}-{manifests.NAMESPACE}-{place.name}"

    def node_pid(self, node):
        """The process of a node's proxy."""
        lines = Path(f"/run/culvert-lab/{self.name}/pids").read_text().splitlines()
        return int(dict(line.split() for line in lines)[f"node-{node}"])

    def certificates(self):
        """A folder with root, client and server, for contenders that have no control plane."""
        folder = self.path("certificates")
        if not Path(folder).exists():
            named = [f"{pod.name}={manifests.identity(pod)}" for pod in (manifests.CLIENT, manifests.SERVER)]
            command(CERTIFICATES, folder, *named)
        return folder

    def rule(self, pod, chain, *words):
        """Puts a rule in front of those by which a pod's connections come to the node proxy."""
        command("ip", "netns", "exec", self.namespace(pod), "iptables", "-t", "nat", "-I", chain, "-p", "tcp", *words)

    def spawn(self, place, *arguments, announces=True, holds=False, environment=None):
        """Starts a process in a pod or on a node and, if it `announces`, waits for its first line. One that `holds` ends with
        its input."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace(place), *map(str, arguments)],
            env=environment,
            stdin=subprocess.PIPE if holds else subprocess.DEVNULL,
            stdout=subprocess.PIPE if announces else subprocess.DEVNULL,
            stderr=open(self.path("errors"), "a"),
            text=True,
        )
        self.processes.append(process)
        if announces:
            self.wait_until_ready(process, arguments[0])
        return process

    def wait_until_ready(self, process, name):
        signal.signal(signal.SIGALRM, give_up)
        signal.alarm(READY_SECONDS_MAX)
        try:
            line = process.stdout.readline()
        finally:
            signal.alarm(0)
        if line.strip() != "ready":
            errors = Path(self.path("errors")).read_text().strip().splitlines()[-3:]
            raise Failure(f"{name} said {line!r} instead of being ready; {errors}")

    def end(self, process):
        if process.stdin:
            process.stdin.close()
        elif process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def measure(self, mode, *options, pod=manifests.CLIENT, seconds_max=120):
        """Runs a load in a pod; what it measured."""
        words = [mode, *map(str, options)]
        arguments = ["ip", "netns", "exec", self.namespace(pod), str(BENCH), *words]
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds_max, check=False)
        except subprocess.TimeoutExpired:
            raise Failure(f"{' '.join(words)}: not done after {seconds_max} s") from None
        if done.returncode != 0:
            raise Failure(f"{' '.join(words)}: {' '.join(done.stderr.strip().splitlines()[:1])}")
        return json.loads(done.stdout)

    def dialled(self, pod):
        """How many TCP connections were dialled in a pod so far, by whomever."""
        text = command("ip", "netns", "exec", self.namespace(pod), "cat", "/proc/net/snmp")
        names, values = [line.split() for line in text.splitlines() if line.startswith("Tcp:")]
        return int(values[names.index("ActiveOpens")])

    def log_end(self):
        """The last lines of what the node proxies said."""
        folder = Path(f"/run/culvert-lab/{self.name}/log")
        return [line for file in sorted(folder.glob("node-*")) for line in file.read_text().splitlines()[-3:]]


def eventually(attempt, seconds_max=10):
    """Tries until there is no failure; the last one if there always is."""
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            return attempt()
        except Failure:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def command(*arguments):
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def raise_open_files():
    """Some contenders take the limit as they find it. How many descriptors each may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, max(OPEN_FILES, hard)))
        return OPEN_FILES
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard


def give_up(*_):
    raise Failure("a process did not become ready")
