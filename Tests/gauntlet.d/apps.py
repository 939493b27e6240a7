"""The applications of a pod: ECHO and QUIET send back what they get, SINK reads and forgets, MUTE accepts and never reads."""

import asyncio
import os
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


async def mute(reader, writer):
    # What the stream reads ahead is bounded by its limit.
    try:
        while not reader.at_eof():
            await asyncio.sleep(1)
    finally:
        writer.close()


async def serve(ports):
    servers = []
    for port, answer in ports:
        limit = 1 << 10 if port == lab.MUTE else 1 << 16
        servers.append(await asyncio.start_server(answer, ["0.0.0.0", "::"], port, backlog=4096, limit=limit))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    if sys.argv[1:] == ["quiet"]:
        asyncio.run(serve([(lab.QUIET, echo)]))
    else:
        os.nice(10)
        asyncio.run(serve([(lab.ECHO, echo), (lab.SINK, sink), (lab.MUTE, mute)]))
