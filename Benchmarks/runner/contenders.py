"""What is compared. Each contender carries connections from the client's namespace to the application in the server's.

Clients always dial the server's address; a rule in the client's namespace redirects them to the contender's own port, as a
pod's rules do. Every proxy has one worker, TLS 1.3 with TLS_AES_128_GCM_SHA256, and client certificates.
"""

from dataclasses import dataclass, field

from .world import BENCH, ENVOY, FLOOR, SERVER_ADDRESS, SERVER_IDENTITY

APPLICATION_PORT = 9000


@dataclass
class Contender:
    name: str
    meaning: str
    port: int
    pids: list = field(default_factory=list)

    @property
    def target(self):
        return f"{SERVER_ADDRESS}:{self.port}"


def direct(world, slot):
    del world, slot
    return Contender("direct", "no proxy", APPLICATION_PORT)


def floor(world, slot):
    folder = world.certificates()

    def files(name):
        return [f"{folder}/{name}.pem", f"{folder}/{name}.key", f"{folder}/root.pem"]

    pids = [
        world.spawn(world.server, FLOOR, "server", slot.inbound, "127.0.0.1", APPLICATION_PORT, *files("server")),
        world.spawn(world.client, FLOOR, "client", slot.outbound, SERVER_ADDRESS, slot.inbound, *files("client")),
    ]
    return Contender("floor", "a pair of small C relays, TLS only", slot.redirected, pids)


def bare(world, slot):
    common = ["--certificates", world.certificates()]
    pids = [
        world.spawn(
            world.server, BENCH, "bare", "--role", "server", "--name", "server", *common,
            "--listen", f"0.0.0.0:{slot.inbound}", "--to", f"127.0.0.1:{APPLICATION_PORT}",
        ),
        world.spawn(
            world.client, BENCH, "bare", "--role", "client", "--name", "client", *common, "--expect", SERVER_IDENTITY,
            "--listen", f"127.0.0.1:{slot.outbound}", "--to", f"{SERVER_ADDRESS}:{slot.inbound}",
        ),
    ]  # fmt: skip
    return Contender("bare", "Culvert's loop and TLS, no HTTP/2, no policy", slot.redirected, pids)


def envoy(world, slot):
    common = ["--certificates", world.certificates()]
    pids = [
        world.spawn(
            world.server, ENVOY, "server", "--name", "server", *common,
            "--listen", f"0.0.0.0:{slot.inbound}", "--application", f"127.0.0.1:{APPLICATION_PORT}",
        ),
        world.spawn(
            world.client, ENVOY, "client", "--name", "client", *common, "--listen", f"127.0.0.1:{slot.outbound}",
            "--peer", f"{SERVER_ADDRESS}:{slot.inbound}", "--authority", f"{SERVER_ADDRESS}:{APPLICATION_PORT}",
        ),
    ]  # fmt: skip
    return Contender("envoy", "a pair of Envoys, HTTP/2 CONNECT over mutual TLS", slot.redirected, pids)


def tunnel(world, slot):
    common = ["--certificates", world.certificates()]
    pids = [
        world.spawn(
            world.server, BENCH, "tunnel", "--role", "server", "--name", "server", *common,
            "--listen", f"0.0.0.0:{slot.inbound}", "--to", f"127.0.0.1:{APPLICATION_PORT}",
        ),
        world.spawn(
            world.client, BENCH, "tunnel", "--role", "client", "--name", "client", *common, "--expect", SERVER_IDENTITY,
            "--listen", f"127.0.0.1:{slot.outbound}", "--to", f"{SERVER_ADDRESS}:{slot.inbound}",
            "--authority", f"{SERVER_ADDRESS}:{APPLICATION_PORT}",
        ),
    ]  # fmt: skip
    return Contender("tunnel", "Culvert's tunnel as its nodes use it, no routing, no policy", slot.redirected, pids)


@dataclass
class Slot:
    """The ports of one contender."""

    outbound: int
    inbound: int
    redirected: int


MAKERS = {"direct": direct, "floor": floor, "bare": bare, "envoy": envoy, "tunnel": tunnel}


def start(world, names):
    """Starts the application and the named contenders."""
    world.spawn(world.server, BENCH, "serve", "--listen", f"0.0.0.0:{APPLICATION_PORT}")
    contenders = []
    for position, name in enumerate(names):
        slot = Slot(15101 + position, 15208 + position, 9100 + position)
        if name != "direct":
            world.redirect(slot.redirected, slot.outbound)
        contenders.append(MAKERS[name](world, slot))
    return contenders
