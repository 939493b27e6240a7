"""A node proxy of the lab that is fed by a control plane of culvert-bench, with the lab's pods in a mesh of any size."""

import json
import os
import queue
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from .failure import Failure
from .manifests import CLIENT, STRANGER, Pod
from .processes import is_running, status_kib
from .world import BENCH, CERTIFICATES, RELEASE, command, eventually

# On the one node, so that each connection passes that node's own proxy twice: as the caller's and as the called one's.
SERVER = Pod("server", CLIENT.node, "10.77.1.20")
PODS = [CLIENT, STRANGER, SERVER]
# SyntheticMesh says where its service is.
SERVICE = "10.255.255.1:80"
PORTS = (9000, 9001)
CONTROL = "127.0.0.1:15112"
EVENT_SECONDS_MAX = 60


class Source:
    """The control plane."""

    def __init__(self, world, workloads, policies):
        folder = world.path("source")
        command(CERTIFICATES, folder, f"control=IP:{CONTROL.split(':')[0]}")
        self.root = f"{folder}/root.pem"
        pods = ",".join(f"{pod.name}/{pod.node}/{pod.address}" for pod in PODS)
        options = ["--listen", CONTROL, "--certificates", folder, "--name", "control", "--pods", pods]
        options += ["--workloads", workloads, "--policies", policies]
        self.process = world.spawn(CLIENT.node, BENCH, "control", *options, holds=True)
        self.events = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, name, count=1, seconds_max=EVENT_SECONDS_MAX):
        """The next events of that name, so many of them; others are passed over, but for those that end a round."""
        found, deadline = [], time.monotonic() + seconds_max
        while len(found) < count:
            try:
                event = self.events.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f"the control plane did not tell {name} within {seconds_max} s") from None
            if event["event"] in ("refused", "garbage", "unknown", "ended"):
                raise Failure(f"the control plane says {event}")
            if event["event"] == name:
                found.append(event)
        return found

    def taken(self):
        """Waits until a node has subscribed and taken both types; seconds between."""
        first = self.wait("subscribed")[0]
        return (self.wait("taken", 2)[-1]["ns"] - first["ns"]) / 1e9

    def _listen(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put({"event": "ended"})


class Node:
    """The node proxy under the control plane, in the place of the lab's own."""

    def __init__(self, world, source):
        self.world = world
        pid = world.node_pid(CLIENT.node)
        variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        self.environment = dict(variable.split("=", 1) for variable in variables if variable)
        # The certificates are still those of the lab's control plane.
        self.environment |= {"XDS_ADDRESS": f"https://{CONTROL}", "XDS_ROOT_CA": source.root, "NETWORK": "network-1"}
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while is_running(pid):
            if time.monotonic() > deadline:
                raise Failure("the lab's node proxy does not end")
            time.sleep(0.01)
        self.process = None

    def start(self):
        self.stop()
        self.started = time.monotonic()
        node = RELEASE / "culvert-node"
        self.process = self.world.spawn(CLIENT.node, node, announces=False, environment=self.environment)

    def stop(self):
        if self.process:
            self.process.kill()
            self.world.end(self.process)

    def seconds_to_ready(self):
        """Asks for readiness until there is; seconds since the start."""
        return self._inside(self._await_ready)

    def metrics(self):
        """The lines of the page of metrics."""
        return self._inside(lambda: fetch(15020, "/metrics").decode().splitlines())

    def memory_mib(self):
        """Resident now, and at the most so far."""
        resident, peak = status_kib(self.process.pid, "VmRSS", "VmHWM")
        return resident / 1024, peak / 1024

    def _await_ready(self):
        while True:
            try:
                fetch(15021, "/healthz/ready")
                return time.monotonic() - self.started
            except (OSError, urllib.error.URLError):
                pass
            if self.process.poll() is not None or time.monotonic() > self.started + EVENT_SECONDS_MAX:
                raise Failure("the node did not become ready")
            time.sleep(0.005)

    def _inside(self, work):
        """Does it in the node's network namespace, on a thread that goes there."""
        outcome = []

        def body():
            with open(f"/run/netns/{self.world.namespace(CLIENT.node)}") as namespace:
                os.setns(namespace.fileno(), os.CLONE_NEWNET)
            try:
                outcome.append((work(), None))
            except Failure as failure:
                outcome.append((None, failure))

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        value, failure = outcome[0]
        if failure:
            raise failure
        return value


def fetch(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read()


def start_application(world):
    for port in PORTS:
        world.spawn(SERVER, BENCH, "serve", "--listen", f"0.0.0.0:{port}")


def check(world):
    """The client reaches the service, and the stranger is kept from it."""
    eventually(lambda: world.measure("connect", "--to", SERVICE, "--total", 1))
    try:
        world.measure("connect", "--to", SERVICE, "--total", 1, pod=STRANGER)
    except Failure:
        return
    raise Failure("the policy lets a stranger through")
