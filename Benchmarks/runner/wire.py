"""Which cipher suite a contender's pair agreed on, read off the wire between the nodes."""

import re
import subprocess
from pathlib import Path

from .failure import Failure
from .world import CIPHER_SUITE

SUITES = {0x1301: "TLS_AES_128_GCM_SHA256", 0x1302: "TLS_AES_256_GCM_SHA384", 0x1303: "TLS_CHACHA20_POLY1305_SHA256"}
# A handshake record with a ServerHello: version, 32 random bytes, the session id that the client sent, the suite.
SERVER_HELLO = re.compile(rb"\x16\x03\x03..\x02\x00..\x03\x03.{32}([\x00\x20])", re.DOTALL)


def suites_in(record):
    """The suites of all ServerHello messages in recorded packets."""
    found = set()
    for match in SERVER_HELLO.finditer(record):
        start = match.end() + match.group(1)[0]
        number = int.from_bytes(record[start : start + 2], "big")
        if number in SUITES:
            found.add(SUITES[number])
    return found


def check_suite(world, contender, handshake):
    """Fails unless `handshake` makes the pair of a contender agree on the suite that all use."""
    file = world.path(f"{contender.name}.pcap")
    words = ["ip", "netns", "exec", world.name, "tcpdump", "-Z", "root", "--immediate-mode", "-i", "any", "-U", "-s", "400"]
    recorder = subprocess.Popen(
        [*words, "-w", file, "tcp", "port", str(contender.wire_port)], stderr=subprocess.PIPE, text=True
    )
    try:
        while "listening on" not in (line := recorder.stderr.readline()):
            if not line:
                raise Failure("tcpdump does not run")
        handshake()
    finally:
        recorder.terminate()
        recorder.communicate()
    found = suites_in(Path(file).read_bytes())
    if found != {CIPHER_SUITE}:
        raise Failure(f"{contender.name}: agreed on {sorted(found) or 'nothing that was seen'} instead of {CIPHER_SUITE}")
