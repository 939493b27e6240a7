"""The applications of a pod: ECHO and QUIET send back what they get, SINK reads and forgets, MUTE accepts and never reads,
SOURCE sends without end, RESET resets whoever comes."""

import asyncio
import os
import socket
import struct
import sys

import lab


async def echo(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        pass
    finally:
        writer.close()


async def sink(reader, writer):
    try:
        while await reader.read(1 << 18):
            pass
    except (ConnectionError, OSError):
        pass
    finally:
        writer.close()


async def source(reader, writer):
    try:
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()
    except (ConnectionError, OSError):
        pass
    finally:
        writer.close()


async def mute(reader, writer):
    # What the stream reads ahead is bounded by its limit.
    try:
        while not reader.at_eof():
            await asyncio.sleep(1)
    finally:
        writer.close()


async def reset(_, writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def serve(ports):
    servers = []
    for port, answer in ports:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            listener = socket.socket(family)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if port == lab.MUTE:
                # What it does not read is soon kept by others than its kernel.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            listener.bind((address, port))
            limit = 1 << 10 if port == lab.MUTE else 1 << 16
            servers.append(await asyncio.start_server(answer, sock=listener, limit=limit, backlog=4096))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    if sys.argv[1:] == ["quiet"]:
        lab.favour(os.getpid())
        asyncio.run(serve([(lab.QUIET, echo)]))
    else:
        lab.stand_back()
        asyncio.run(serve([
            (lab.ECHO, echo), (lab.SINK, sink), (lab.MUTE, mute), (lab.SOURCE, source), (lab.RESET, reset)
        ]))
