"""Two network namespaces joined by a veth pair, and the processes in them. Everything is gone at the end."""

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BENCH = REPOSITORY / ".build/release/culvert-bench"
FLOOR = REPOSITORY / ".build/benchmarks/floor"
ENVOY = REPOSITORY / "Tests/peers/envoy"
CERTIFICATES = REPOSITORY / "Tests/peers/certificates"

CLIENT_ADDRESS = "10.99.0.1"
SERVER_ADDRESS = "10.99.0.2"
CLIENT_IDENTITY = "spiffe://cluster.local/ns/default/sa/client"
SERVER_IDENTITY = "spiffe://cluster.local/ns/default/sa/server"
READY_SECONDS_MAX = 30


class Failure(Exception):
    """A benchmark that could not be run."""


class World:
    def __init__(self):
        self.client = f"culvert-bench-client-{os.getpid()}"
        self.server = f"culvert-bench-server-{os.getpid()}"
        self.processes = []
        self.folder = tempfile.TemporaryDirectory(prefix="culvert-bench-")

    def __enter__(self):
        try:
            self.make_namespaces()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for namespace in (self.client, self.server):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
        self.folder.cleanup()

    def make_namespaces(self):
        for namespace in (self.client, self.server):
            command("ip", "netns", "add", namespace)
        pair = ["ip", "link", "add", "eth0", "netns", self.client, "type", "veth", "peer", "name", "eth0"]
        command(*pair, "netns", self.server)
        for namespace, address in ((self.client, CLIENT_ADDRESS), (self.server, SERVER_ADDRESS)):
            command("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
            command("ip", "-n", namespace, "link", "set", "eth0", "up")
            command("ip", "-n", namespace, "link", "set", "lo", "up")

    def redirect(self, port, to_port):
        """Sends what the client pod dials at the server's `port` to a proxy in the client's namespace."""
        rule = ["iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-d", SERVER_ADDRESS, "--dport", str(port)]
        command("ip", "netns", "exec", self.client, *rule, "-j", "REDIRECT", "--to-ports", str(to_port))

    def certificates(self):
        """A folder with root, client and server."""
        folder = Path(self.folder.name) / "certificates"
        if not folder.exists():
            command(str(CERTIFICATES), str(folder), f"client={CLIENT_IDENTITY}", f"server={SERVER_IDENTITY}")
        return str(folder)

    def spawn(self, namespace, *arguments, announces=True):
        """Starts a process and, if it `announces`, waits for its first line; its process id."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *map(str, arguments)],
            stdout=subprocess.PIPE if announces else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.processes.append(process)
        if announces:
            signal.signal(signal.SIGALRM, give_up)
            signal.alarm(READY_SECONDS_MAX)
            line = process.stdout.readline()
            signal.alarm(0)
            if line.strip() != "ready":
                raise Failure(f"{arguments[0]} said {line!r} instead of being ready")
        return process.pid

    def measure(self, mode, *options, seconds_max=120):
        """Runs a load in the client's namespace; what it measured."""
        arguments = ["ip", "netns", "exec", self.client, str(BENCH), mode, *map(str, options)]
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds_max, check=False)
        except subprocess.TimeoutExpired:
            raise Failure(f"{' '.join(arguments[4:])}: not done after {seconds_max} s") from None
        if done.returncode != 0:
            raise Failure(f"{' '.join(arguments[4:])}: {done.stderr.strip().splitlines()[:1]}")
        return json.loads(done.stdout)


def command(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(arguments)}: {done.stderr.strip()}")


def give_up(*_):
    raise Failure("a process did not become ready")


def processor_seconds(pids):
    """Time on a processor of all threads of some processes, in seconds."""
    nanoseconds = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            nanoseconds += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def resident_kib(pid):
    """Resident and anonymous memory of a process, in KiB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon")}
