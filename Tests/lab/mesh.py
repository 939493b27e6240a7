"""The lab of Tests/day: pods that come and go, nodes that restart, links that drop, policies that change."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PROGRAMS = Path(os.environ.get("CULVERT_PROGRAMS", REPOSITORY / ".build/release"))
# Two days at once want two names.
LAB = os.environ.get("CULVERT_LAB", "day")
FOLDER = Path("/run/culvert-lab") / LAB
NODES = ["east", "north", "south"]
ROLES = ["cart", "ledger", "web"]
PORT = 9000
# Certificates hold from two minutes ago on and are renewed at half their life: with these, every minute.
SETTINGS = ["SECRET_TTL=240s", "POOL_UNUSED_RELEASE_TIMEOUT=5s", "ZTUNNEL_WORKER_THREADS=2"]


def run(*words, text=None, check=True):
    done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr or done.stdout}")
    return done.stdout


def inside(network):
    """The words before a command that make it run in a network namespace."""
    return ["nsenter", f"--net=/run/netns/{network}"]


def virtual_address(role):
    return f"10.96.1.{10 + ROLES.index(role)}"


def write(name, *objects):
    """Puts a manifest where control plane and agents follow it, at once and whole."""
    path = FOLDER / "manifests" / f"{name}.yaml"
    other = FOLDER / f"{name}.new"
    other.write_text("---\n".join(json.dumps(item) + "\n" for item in objects))
    other.rename(path)


class Pod:
    """A pod of a role, in a network namespace of its own, with its application."""

    def __init__(self, name, role, node, address, namespace="shop"):
        self.name, self.role, self.node, self.address, self.namespace = name, role, node, address, namespace
        self.network = f"{LAB}-{namespace}-{name}"
        self.process = None
        # When the mesh first heard of it, when it takes connections, when it is told to go, and between which moments its
        # application was ended.
        self.started = self.ready = self.leaving = self.stopping = self.ended = None

    def manifest(self, ready, annotated=True):
        metadata = {"name": self.name, "namespace": self.namespace, "labels": {"app": self.role}}
        if annotated:
            metadata["annotations"] = {"culvert.io/netns": f"/run/netns/{self.network}"}
        if self.leaving:
            metadata["deletionTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.leaving))
        return {
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"nodeName": self.node, "serviceAccountName": self.role},
            "status": {
                "podIPs": [{"ip": self.address}],
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            },
        }

    def make_network(self, number):
        """What the lab makes for the pods that are there from the start."""
        self.attachment = f"q{number}"
        run("ip", "netns", "add", self.network)
        run(*inside(self.network), "sh", "-c", "for i in all default; do echo 0 > /proc/sys/net/ipv4/conf/$i/rp_filter; done")
        node = f"{LAB}-{self.node}"
        run("ip", "-n", node, "-batch", "-", text=(
            f"link add {self.attachment} type veth peer name eth0 netns {self.network}\n"
            f"link set {self.attachment} master pods up\nroute replace {self.address} dev pods src {node_address(self.node)}\n"
            # A plugin makes the new owner of an address known, too.
            f"neigh flush to {self.address} dev pods\n"))
        run("ip", "-n", self.network, "-batch", "-", text=(
            f"link set lo up\naddr add {self.address}/32 dev eth0\nlink set eth0 up\n"
            "route add 169.254.1.1 dev eth0 scope link\nroute add default via 169.254.1.1 dev eth0\n"))
        for other in NODES:
            if other != self.node:
                run("ip", "-n", f"{LAB}-{other}", "route", "replace", self.address, "via", node_address(self.node),
                    "dev", "backbone", "src", node_address(other))

    def remove_network(self):
        """As a CNI plugin does: the kernel keeps a namespace for as long as TCP has something to send in it, and shall not
        answer for an address that is another pod's by then."""
        run("ip", "-n", f"{LAB}-{self.node}", "link", "del", self.attachment)
        run("ip", "netns", "del", self.network)

    def is_captured(self):
        """Its rules are there, and the node's proxy listens behind them."""
        sockets = run(*inside(self.network), "ss", "-Hltn", check=False)
        if not all(f":{port} " in sockets for port in (15001, 15006, 15008)):
            return False
        return "15001" in run(*inside(self.network), "iptables-save", "-t", "nat", check=False)

    async def start_application(self, marker, heard, *options):
        self.process = await asyncio.create_subprocess_exec(
            *inside(self.network), str(REPOSITORY / "Tests/lab/verify"), self.name, marker, str(PORT), *options,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 20, start_new_session=True)
        await asyncio.wait_for(self.process.stdout.readline(), 20)
        self.listening = asyncio.create_task(self.listen(heard))

    async def listen(self, heard):
        while line := await self.process.stdout.readline():
            heard(self, json.loads(line))

    def call(self, **ask):
        self.process.stdin.write((json.dumps({"address": self.address, **ask}) + "\n").encode())

    async def stop_application(self):
        if self.process and self.process.returncode is None:
            self.stopping = time.time()
            self.process.kill()
            await self.process.wait()
            self.ended = time.time()
            await self.listening


def node_address(node):
    return f"198.18.0.{10 + NODES.index(node)}"


class Program:
    """A program of the lab that can be killed and started again as it was."""

    def __init__(self, name):
        self.name = name
        pid = next(line.split()[1] for line in (FOLDER / "pids").read_text().splitlines() if line.split()[0] == name)
        self.pid = int(pid)
        self.words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
        lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        self.environment = dict(line.split(b"=", 1) for line in lines if b"=" in line)
        self.network = LAB if name == "control" else f"{LAB}-{name.split('-')[1]}"
        self.is_node = name.startswith("node-")
        self.log = FOLDER / "log" / f"{name}.log"
        self.started = time.time()
        self.process = None

    async def kill(self, number):
        if not self.is_running():
            raise ProcessLookupError(f"{self.name} is gone already")
        os.kill(self.pid, number)
        while self.process.poll() is None if self.process else self.is_running():
            await asyncio.sleep(0.05)

    def is_running(self):
        """Its first thread may be a zombie while others still hold its sockets."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1][0]
            return state != "Z" or len(os.listdir(f"/proc/{self.pid}/task")) > 1
        except OSError:
            return False

    def last_words(self):
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*inside(self.network), *self.words], env=self.environment, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self.process.pid
        self.started = time.time()

    def is_ready(self):
        return run(*inside(self.network), "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                   "--max-time", "1", "http://127.0.0.1:15021/healthz/ready", check=False) == "200"

    def metrics(self, name):
        """The values of a metric of a node, one for each set of labels, by its own count."""
        page = run(*inside(self.network), "curl", "-s", "--max-time", "5",
                   "http://127.0.0.1:15020/metrics", check=False)
        values = [line.rsplit(" ", 1)[1] for line in page.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return [int(float(value)) for value in values]

    def metric(self, name):
        return sum(self.metrics(name))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def open_files(self):
        return sorted(os.readlink(path) for path in Path(f"/proc/{self.pid}/fd").iterdir())

    def anonymous(self):
        """Anonymous memory, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))


def up(pods):
    """Brings the lab up with these pods; their networks are the lab's."""
    down()
    folder = Path(tempfile.mkdtemp())
    try:
        for name, items in manifests(pods).items():
            (folder / f"{name}.yaml").write_text("---\n".join(json.dumps(item, indent=1) + "\n" for item in items))
        words = [word for setting in SETTINGS for word in ("--proxy", setting)]
        run(PROGRAMS / "culvertctl", "lab", "up", "--name", LAB, *words, folder)
    finally:
        shutil.rmtree(folder)


def down():
    run(PROGRAMS / "culvertctl", "lab", "down", "--name", LAB, check=False)
    for line in run("ip", "netns", "list").splitlines():
        if line.startswith(f"{LAB}-"):
            run("ip", "netns", "del", line.split()[0], check=False)


def manifests(pods):
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace",
         "metadata": {"name": "shop", "labels": {"istio.io/dataplane-mode": "ambient"}}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "street"}},
    ]
    services = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": role, "namespace": "shop"},
         "spec": {"clusterIPs": [virtual_address(role)], "selector": {"app": role},
                  "ports": [{"name": "tcp", "port": PORT, "targetPort": PORT}]}}
        for role in ROLES
    ]
    strict = {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
              "metadata": {"name": "strict", "namespace": "shop"}, "spec": {"mtls": {"mode": "STRICT"}}}
    return {"mesh": [*spaces, *services, strict], **{pod.name: [pod.manifest(True, False)] for pod in pods}}


def policy(role, callers):
    """Who may call pods of this role; None is everybody."""
    if callers is None:
        (FOLDER / "manifests" / f"policy-{role}.yaml").unlink(missing_ok=True)
        return
    principals = [f"cluster.local/ns/shop/sa/{caller}" for caller in callers]
    rules = [{"from": [{"source": {"principals": principals}}]}] if principals else []
    write(f"policy-{role}", {
        "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": f"policy-{role}", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": role}}, "action": "ALLOW", "rules": rules}})


def link(node, is_up):
    """Pulls the cable between a node and the backbone, or plugs it in."""
    run("ip", "-n", LAB, "link", "set", f"n{NODES.index(node)}", "up" if is_up else "down")
