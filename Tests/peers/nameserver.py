"""The name server behind `nameserver`."""

import asyncio
import json
import struct
import sys

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

ANSWERS = {
    "A": ["192.0.2.1"],
    "AAAA": ["2001:db8::1"],
    "TXT": ['"hello"'],
    "MX": ["10 mail.example.com."],
    "SRV": ["0 5 5060 sip.example.com."],
    "PTR": ["host.example.com."],
    "HTTPS": ["1 . alpn=h2"],
}
SOA = "ns.example.com. root.example.com. 1 2 3 4 {}"
seen = {}
log = None


def note(query, transport, sender):
    question = query.question[0]
    line = {
        "name": question.name.to_text(),
        "type": dns.rdatatype.to_text(question.rdtype),
        "transport": transport,
        "from": sender[0],
        "port": sender[1],
        "id": query.id,
        "edns": query.payload if query.edns >= 0 else None,
    }
    print(json.dumps(line), file=log, flush=True)


def add(answer, name, ttl, kind, values):
    answer.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *values))


def negative(answer, seconds):
    answer.authority.append(dns.rrset.from_text("example.com.", 300, "IN", "SOA", SOA.format(seconds)))


def answer_to(query, transport, addresses):
    """The messages that answer a question, as bytes; none where it is left alone."""
    question = query.question[0]
    name, kind = question.name, dns.rdatatype.to_text(question.rdtype)
    word = name.labels[0].decode() if name.labels else ""
    seen[(word, kind)] = seen.get((word, kind), 0) + 1
    answer = dns.message.make_response(query, recursion_available=True)
    values = addresses.get(name.to_text().lower(), ANSWERS).get(kind, [])
    if word.startswith("silent") or (word == "late" and kind == "AAAA") or (word == "flaky" and seen[(word, kind)] == 1):
        return []
    if word.startswith("garbage"):
        return [b"\x00", b"\xff" * 40, query.to_wire()[:12] + b"\xc0\x0c"]
    if word in ("servfail", "refused"):
        answer.set_rcode(dns.rcode.SERVFAIL if word == "servfail" else dns.rcode.REFUSED)
    elif word == "nx":
        answer.set_rcode(dns.rcode.NXDOMAIN)
        negative(answer, 2)
    elif word == "nodata" or (word == "v4only" and kind == "AAAA"):
        negative(answer, 2)
    elif word == "cname":
        add(answer, name, 77, "CNAME", ["target.example.com."])
        add(answer, "target.example.com.", 78, kind, values)
    elif word.startswith("big"):
        add(answer, name, 60, "A", [f"198.51.{index // 250}.{index % 250}" for index in range(150)])
        if transport == "udp" and word != "bigger":
            answer.answer = []
            answer.flags |= dns.flags.TC
    elif values:
        seconds = int(word[3:]) if word.startswith("ttl") else 60
        add(answer, name, seconds, kind, values)
        answer.authority.append(dns.rrset.from_text("example.com.", 60, "IN", "NS", "ns.example.com."))
        answer.additional.append(dns.rrset.from_text("ns.example.com.", 60, "IN", "A", "192.0.2.53"))
    else:
        negative(answer, 2)
    wire = answer.to_wire(max_size=65535)
    if word in ("wrongid", "strays"):
        wrong = struct.pack("!H", query.id ^ 1) + wire[2:]
        other = dns.message.make_response(dns.message.make_query("other.example.com", "A", id=query.id)).to_wire()
        return [b"junk", wrong, other] + ([wire] if word == "strays" else [])
    return [wire]


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, addresses):
        self.addresses = addresses

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        query = dns.message.from_wire(data)
        note(query, "udp", sender)
        for wire in answer_to(query, "udp", self.addresses):
            self.transport.sendto(wire, sender)


async def serve(reader, writer, addresses):
    try:
        while True:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            query = dns.message.from_wire(await reader.readexactly(length))
            note(query, "tcp", writer.get_extra_info("peername"))
            for wire in answer_to(query, "tcp", addresses):
                # In two pieces, as a network may deliver them.
                writer.write(struct.pack("!H", len(wire)) + wire[:5])
                await writer.drain()
                await asyncio.sleep(0.01)
                writer.write(wire[5:])
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(path, endpoints, names):
    global log
    log = open(path, "a")
    addresses = {}
    for item in names:
        name, values = item.split("=", 1)
        for value in values.split(","):
            addresses.setdefault(name + ".", {}).setdefault("AAAA" if ":" in value else "A", []).append(value)
    loop = asyncio.get_running_loop()
    for endpoint in endpoints:
        host, port = endpoint.rsplit(":", 1)
        host, port = host.strip("[]"), int(port)
        await loop.create_datagram_endpoint(lambda: Datagrams(addresses), local_addr=(host, port))
        await asyncio.start_server(lambda reader, writer: serve(reader, writer, addresses), host, port)
    print(json.dumps({"ready": endpoints}), file=log, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = sys.argv[2:]
    asyncio.run(main(sys.argv[1], [a for a in arguments if "=" not in a], [a for a in arguments if "=" in a]))
