"""What is compared. Each contender carries connections from the client pod to the application in the server pod.

All sit in the same two pods of the lab, which are enrolled in the mesh, and clients always dial the server pod's address. For
each contender but culvert, rules in front of the mesh's own redirect a port of its own to it, and let its connection to the
other pod pass. Every proxy has one worker, TLS 1.3 with TLS_AES_128_GCM_SHA256, client certificates, and a release build.
"""

from dataclasses import dataclass, field

from . import haproxy, manifests
from .failure import Failure
from .manifests import APPLICATION_PORT, CLIENT, SERVER
from .wire import check_suite
from .world import BENCH, REPOSITORY, eventually

FLOOR = REPOSITORY / ".build/benchmarks/floor"
ENVOY = REPOSITORY / "Tests/peers/envoy"
APPLICATION = f"{SERVER.address}:{APPLICATION_PORT}"
SERVER_IDENTITY = manifests.identity(SERVER)


@dataclass
class Contender:
    name: str
    meaning: str
    port: int
    # Where its pair talks to each other; none without encryption.
    wire_port: int | None = None
    # Its processes in the client's pod or node, and in the server's.
    pids: list = field(default_factory=list)

    @property
    def target(self):
        return f"{SERVER.address}:{self.port}"


@dataclass
class Slot:
    """The ports of one contender: dialled by clients, of its listener in the client's pod, and in the server's."""

    dialled: int
    outbound: int
    inbound: int

    @property
    def peer(self):
        return f"{SERVER.address}:{self.inbound}"


def culvert(world, slot):
    del slot
    meaning = "two culvert-nodes with control plane, agents and a policy in force; it alone keeps the client's address"
    pids = [world.node_pid("north"), world.node_pid("south")]
    return Contender("culvert", meaning, APPLICATION_PORT, 15008, pids)


def direct(world, slot):
    for pod in [pod for pod in world.pods if pod.node == CLIENT.node]:
        world.rule(pod, "OUTPUT", "-d", SERVER.address, "--dport", str(slot.dialled), "-j", "ACCEPT")
    redirect = ["-j", "REDIRECT", "--to-ports", str(APPLICATION_PORT)]
    world.rule(SERVER, "PREROUTING", "-d", SERVER.address, "--dport", str(slot.dialled), *redirect)
    return Contender("direct", "plain TCP between the pods, no proxy", slot.dialled)


def pair(world, slot, name, meaning, server, client, announces=True):
    """A contender of two processes that stand in the pods."""
    dialled = ["-d", SERVER.address, "--dport", str(slot.dialled)]
    world.rule(CLIENT, "OUTPUT", *dialled, "-j", "REDIRECT", "--to-ports", str(slot.outbound))
    world.rule(CLIENT, "OUTPUT", "-d", SERVER.address, "--dport", str(slot.inbound), "-j", "ACCEPT")
    world.rule(SERVER, "PREROUTING", "-d", SERVER.address, "--dport", str(slot.inbound), "-j", "ACCEPT")
    south = world.spawn(SERVER, *server, announces=announces)
    north = world.spawn(CLIENT, *client, announces=announces)
    return Contender(name, meaning, slot.dialled, slot.inbound, [north.pid, south.pid])


def floor(world, slot):
    folder = world.certificates()

    def files(name):
        return [f"{folder}/{name}.pem", f"{folder}/{name}.key", f"{folder}/root.pem"]

    meaning = "a pair of small C relays, a TLS connection for each connection, no HTTP/2, no policy"
    server = [FLOOR, "server", slot.inbound, SERVER.address, APPLICATION_PORT, *files("server")]
    client = [FLOOR, "client", slot.outbound, SERVER.address, slot.inbound, *files("client")]
    return pair(world, slot, "floor", meaning, server, client)


def relays(world, slot, name, meaning, *client_more):
    """A pair of relays of our own, by their mode of culvert-bench."""
    common = ["--certificates", world.certificates()]
    server = [BENCH, name, "--role", "server", "--name", "server", *common, "--listen", f"0.0.0.0:{slot.inbound}"]
    client = [BENCH, name, "--role", "client", "--name", "client", *common, "--listen", f"127.0.0.1:{slot.outbound}"]
    client += ["--to", slot.peer, "--expect", SERVER_IDENTITY, *client_more]
    return pair(world, slot, name, meaning, [*server, "--to", APPLICATION], client)


def bare(world, slot):
    return relays(world, slot, "bare", "Culvert's loop and TLS, a TLS connection for each connection, no HTTP/2, no policy")


def tunnel(world, slot):
    return relays(world, slot, "tunnel", "Culvert's tunnel without a node around it", "--authority", APPLICATION)


def envoy(world, slot):
    common = ["--certificates", world.certificates()]
    server = [ENVOY, "server", "--name", "server", *common, "--listen", f"0.0.0.0:{slot.inbound}"]
    client = [ENVOY, "client", "--name", "client", *common, "--listen", f"127.0.0.1:{slot.outbound}"]
    client += ["--peer", slot.peer, "--authority", APPLICATION]
    meaning = "a pair of Envoys in the pods, HTTP/2 CONNECT over mutual TLS, no policy, no access log"
    return pair(world, slot, "envoy", meaning, [*server, "--application", APPLICATION], client)


def haproxies(world, slot):
    server, client = haproxy.commands(world, slot, APPLICATION)
    meaning = "a pair of HAProxies in the pods, a mutual TLS connection for each connection, no policy, no access log"
    return pair(world, slot, "haproxy", meaning, server, client, announces=False)


MAKERS = {
    "direct": direct, "culvert": culvert, "envoy": envoy, "haproxy": haproxies, "bare": bare, "floor": floor, "tunnel": tunnel,
}  # fmt: skip
STANDARD = [name for name in MAKERS if name != "tunnel"]


def start(world, names):
    """Starts the application and the named contenders, and sees that each of them works and is what it claims to be."""
    world.spawn(SERVER, BENCH, "serve", "--listen", f"0.0.0.0:{APPLICATION_PORT}")
    contenders = []
    for position, name in enumerate(names):
        slot = Slot(9101 + position, 15101 + position, 15201 + position)
        contender = MAKERS[name](world, slot)
        contenders.append(contender)

        def once(contender=contender):
            world.measure("connect", "--to", contender.target, "--total", 1)

        if contender.wire_port:
            check_suite(world, contender, lambda once=once: eventually(once))
        else:
            eventually(once)
    return contenders


def check_policy(world, stranger):
    """Fails if somebody whom the policy does not name reaches the application."""
    try:
        world.measure("connect", "--to", APPLICATION, "--total", 1, pod=stranger)
    except Failure:
        return
    raise Failure("the policy lets a stranger through")
