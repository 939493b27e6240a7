"""The lab of the gauntlet: what is in it, how one gets into its namespaces, and what is known of its programs."""

import contextlib
import ctypes
import datetime
import os
import resource
import subprocess
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

REPOSITORY = Path(__file__).resolve().parent.parent.parent
NAME = os.environ.get("GAUNTLET_LAB", "gauntlet")
FOLDER = Path("/run/culvert-lab") / NAME
SCRATCH = FOLDER / "peers"
BINARIES = Path(os.environ.get("GAUNTLET_BINARIES", REPOSITORY / ".build/release"))

WEB, TILL, LEDGER, CART = "10.10.1.10", "10.10.1.20", "10.10.2.30", "10.10.2.20"
STRANGER, HOST = "10.10.1.90", "10.10.1.91"
NAMESPACES = {
    WEB: "shop-web", TILL: "shop-till", LEDGER: "shop-ledger", CART: "shop-cart", STRANGER: "street-stranger", HOST: "street-host",
    "north": "north", "south": "south",
}
# What the bystander calls has a process of its own: attacked applications have their own worries.
QUIET, ECHO, SINK, MUTE, SOURCE, RESET = 9000, 9001, 9002, 9003, 9004, 9005

libc = ctypes.CDLL(None, use_errno=True)


def up(**environment):
    """Starts the lab; variables are the node proxies'."""
    down()
    words = [BINARIES / "culvertctl", "lab", "up", "--name", NAME]
    for name, value in environment.items():
        words += ["--proxy", f"{name}={value}"]
    subprocess.run([*words, Path(__file__).parent / "mesh"], check=True, stdout=subprocess.DEVNULL)
    SCRATCH.mkdir()


def down():
    words = [BINARIES / "culvertctl", "lab", "down", "--name", NAME]
    subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def inside(place):
    """Sockets that this thread makes meanwhile are in the namespace of a pod, by its address, or of a node."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{NAME}-{NAMESPACES[place]}", os.O_RDONLY)
    try:
        enter(there)
        yield
    finally:
        enter(before)
        os.close(before)
        os.close(there)


def stand_back():
    """Attackers bring their own processors, elsewhere; here they must not take those of nodes and bystanders."""
    os.nice(10)


# A favoured process that never waits for so long is killed, before nobody else gets a processor any more.
FAVOURED_SECONDS = 30


def favour(pid):
    """All threads of a process get a processor whenever they want one, whatever else this machine does: what is measured
    is how long nodes let bystanders wait, and not how long other programs do."""
    resource.prlimit(pid, resource.RLIMIT_RTTIME, (FAVOURED_SECONDS * 10**6,) * 2)
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(1))


@contextlib.contextmanager
def favoured(pid):
    """The same meanwhile only."""
    favour(pid)
    try:
        yield
    finally:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))


def enter(descriptor):
    if libc.setns(descriptor, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def shell(place, *words):
    """Runs a command in a namespace and gives what it says."""
    words = ["ip", "netns", "exec", f"{NAME}-{NAMESPACES[place]}", *words]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def deaf(place, port):
    """Meanwhile the kernel of a pod does not answer on this port."""
    rule = ["INPUT", "-p", "tcp", "--dport", f"{port}", "-j", "DROP"]
    shell(place, "iptables", "-w", "-I", *rule)
    try:
        yield
    finally:
        shell(place, "iptables", "-w", "-D", *rule)


class MemoryGroup:
    """A control group in which a process may use so much memory beyond what it has."""

    def __init__(self, pid, byte_count):
        self.pid = pid
        self.root, self.group = SCRATCH / "cgroup", SCRATCH / "cgroup/gauntlet"
        self.root.mkdir(exist_ok=True)
        # Which of the two versions has the memory is the machine's choice.
        subprocess.run(["mount", "-t", "cgroup2", "none", self.root], check=True)
        self.is_new = "memory" in (self.root / "cgroup.controllers").read_text().split()
        if self.is_new:
            (self.root / "cgroup.subtree_control").write_text("+memory")
        else:
            subprocess.run(["umount", self.root], check=True)
            subprocess.run(["mount", "-t", "cgroup", "-o", "memory", "none", self.root], check=True)
        self.group.mkdir()
        (self.group / ("memory.max" if self.is_new else "memory.limit_in_bytes")).write_text(str(byte_count))

    def __enter__(self):
        # Memory that it has stays with its old group.
        self.before = self.membership()
        (self.group / "cgroup.procs").write_text(str(self.pid))
        return self

    def membership(self):
        """Where the process is, below the root."""
        for line in Path(f"/proc/{self.pid}/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if controllers == ("" if self.is_new else "memory"):
                return self.root / path.lstrip("/")
        raise AssertionError("no such group")

    def most(self):
        """The most that was used, in bytes."""
        return int((self.group / ("memory.peak" if self.is_new else "memory.max_usage_in_bytes")).read_text())

    def __exit__(self, *_):
        (self.before / "cgroup.procs").write_text(str(self.pid))
        for _ in range(50):
            try:
                self.group.rmdir()
                break
            except OSError:
                time.sleep(0.1)
        subprocess.run(["umount", self.root], check=True)


class Program:
    """One program of the lab."""

    def __init__(self, name):
        self.name = name
        for line in (FOLDER / "pids").read_text().splitlines():
            known, number = line.split()
            if known == name:
                self.pid = int(number)
        self.log_path = FOLDER / f"log/{name}.log"

    def resident(self):
        """In KiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError(f"{self.name} has ended")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def processor_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def mark(self):
        """Where the log ends now."""
        return self.log_path.stat().st_size

    def said(self, mark):
        """What it has said since."""
        with open(self.log_path, "rb") as log:
            log.seek(mark)
            return log.read().decode(errors="replace")

    def says(self, mark, *words, within=5):
        """Waits for a line with these words."""
        deadline = time.monotonic() + within
        while True:
            for line in self.said(mark).splitlines():
                if all(word in line for word in words):
                    return line
            failed = [line for line in self.said(mark).splitlines() if "connection complete" not in line]
            assert time.monotonic() < deadline, f"{self.name} does not say {words}: {failed[-2:]}"
            time.sleep(0.05)

    def counted(self, name, **labels):
        """A counter of this node, over all of its series with these labels, or with one of these values of a label."""
        wanted = {label: value if isinstance(value, tuple) else (value,) for label, value in labels.items()}
        place = self.name.removeprefix("node-")
        total = 0.0
        for line in shell(place, "curl", "--silent", "--max-time", "5", "http://127.0.0.1:15020/metrics").splitlines():
            has = lambda label, values: any(f'{label}="{value}"' in line for value in values)
            if line.startswith(name) and all(has(*pair) for pair in wanted.items()):
                total += float(line.rpartition(" ")[2])
        return total


def certify(name, identity, key=None):
    """A certificate of the lab's authority for `identity`, as SCRATCH/NAME.pem, with its key."""
    authority = x509.load_pem_x509_certificate((FOLDER / "control/root-cert.pem").read_bytes())
    signer = serialization.load_pem_private_key((FOLDER / "control/root-key.pem").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    usages = [x509.ExtendedKeyUsageOID.SERVER_AUTH, x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=12))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), critical=True)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(signer, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (SCRATCH / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return SCRATCH / f"{name}.pem"
