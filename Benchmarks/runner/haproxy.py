"""A pair of HAProxies: plain TCP in, TCP over mutual TLS between them, plain TCP out."""

from pathlib import Path

from .world import CIPHER_SUITE

SPARE_FILES = 100
# One thread; no session is resumed, since no other contender resumes one.
GLOBAL = f"""\
global
    nbthread 1
    maxconn {{maxconn}}
    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
    ssl-default-bind-ciphersuites {CIPHER_SUITE}
    ssl-default-server-options ssl-min-ver TLSv1.3 no-tls-tickets
    ssl-default-server-ciphersuites {CIPHER_SUITE}
    tune.ssl.cachesize 0
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen relay
"""


def commands(world, slot, application):
    """The command lines of the one in the server's pod and the one in the client's."""
    folder = Path(world.certificates())
    for name in ("client", "server"):
        pair = (folder / f"{name}.pem").read_text() + (folder / f"{name}.key").read_text()
        (folder / f"{name}.both").write_text(pair)
    root = folder / "root.pem"
    bind = f"    bind 0.0.0.0:{slot.inbound} ssl crt {folder}/server.both ca-file {root} verify required"
    server = configured(world, "server", bind, f"    server application {application}")
    peer = f"    server peer {slot.peer} ssl crt {folder}/client.both ca-file {root} verify required no-ssl-reuse"
    client = configured(world, "client", f"    bind 127.0.0.1:{slot.outbound}", peer)
    return ["haproxy", "-db", "-f", server], ["haproxy", "-db", "-f", client]


def configured(world, name, *lines):
    file = Path(world.path(f"haproxy-{name}.cfg"))
    # It refuses to start unless it could hold so many connections.
    maxconn = (world.open_files - SPARE_FILES) // 2
    file.write_text(GLOBAL.format(maxconn=maxconn) + "\n".join(lines) + "\n")
    return file
