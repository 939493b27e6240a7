"""What passes between the nodes of Tests/day, recorded by two filters in the kernel: the beginning of every packet, which is
searched for what applications say, and whole whatever is neither a tunnel nor the control plane's.
"""

import asyncio
import subprocess

import mesh

TUNNEL_PORT, CONTROL_PORT = 15008, 15012
# Headers, and twice as much as lies from one marker in the applications' bytes to the next.
HEAD_BYTES = 256
# Bytes of TCP beyond its headers.
PAYLOAD = "(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0)"
STRANGE = (
    f"not arp and not icmp and not icmp6 and not ip6 multicast and not (tcp port {TUNNEL_PORT} or tcp port {CONTROL_PORT})"
    f" and not (ip and tcp and not {PAYLOAD})")


class Search:
    """Counts markers in what arrives in pieces."""

    def __init__(self, markers):
        self.seen = dict.fromkeys(markers, 0)
        self.bytes = 0
        self._rest = b""

    def take(self, data):
        self.bytes += len(data)
        data = self._rest + data
        for marker in self.seen:
            self.seen[marker] += data.count(marker)
        self._rest = data[-(max(map(len, self.seen)) - 1) :]


class Recorder:
    """One tcpdump on the backbone; what it writes goes to `take`."""

    def __init__(self, take, *options):
        self.take, self.options = take, options

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *mesh.inside(mesh.LAB), "tcpdump", "-Z", "root", "--immediate-mode", "-i", "any", "-n", "-U", "-B", "65536",
            *self.options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, limit=1 << 22)
        self.reading = asyncio.create_task(self._read())

    async def _read(self):
        while data := await self.process.stdout.read(1 << 20):
            self.take(data)

    async def stop(self):
        """Ends the record; gives the packets seen, and those of them that the kernel did not keep."""
        self.process.terminate()
        said = (await self.process.stderr.read()).decode()
        await self.process.wait()
        await self.reading
        counts = {line.split(" ", 1)[1]: int(line.split()[0]) for line in said.splitlines() if line[:1].isdigit()}
        return counts.get("packets captured", 0), counts.get("packets dropped by kernel", 0)


class Backbone:
    def __init__(self, markers):
        self.search = Search(markers)
        self.strange = b""
        self.recorders = [
            Recorder(self.search.take, "-s", str(HEAD_BYTES), "-w", "-"),
            Recorder(self._take_strange, "-s", "2048", "-l", "-A", STRANGE),
        ]

    def _take_strange(self, data):
        if len(self.strange) < 1 << 20:
            self.strange += data

    async def start(self):
        for recorder in self.recorders:
            await recorder.start()
        await asyncio.sleep(2)

    async def stop(self):
        """Gives packets seen and packets lost of both records."""
        return [await recorder.stop() for recorder in self.recorders]

    def strange_packets(self):
        """Head lines of what is no tunnel, and what follows them."""
        packets = []
        for line in self.strange.decode(errors="replace").splitlines():
            if " IP " in line or " IP6 " in line or not packets:
                packets.append(line)
            else:
                packets[-1] += "\n" + line
        return packets
