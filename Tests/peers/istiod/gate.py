"""A TCP door in front of the servers, which can treat connections as badly as networks and dying machines do."""

import asyncio
import socket
import struct
import threading

from messages import tell


class Gate:
    """Passes connections to whatever `backend` is. Its modes: `open`; `hang`, TCP goes on and no byte passes; `refuse`;
    `garbage`, other bytes than TLS."""

    def __init__(self, address, port):
        self.address, self.port = address, port
        self.backend = None
        self.mode, self.delay = "open", 0
        self.loop = asyncio.new_event_loop()
        self.server = None
        self.connections = set()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def set(self, mode=None, delay=None, backend=None):
        asyncio.run_coroutine_threadsafe(self._set(mode, delay, backend), self.loop).result()

    def reset(self):
        """Every connection ends with RST."""
        asyncio.run_coroutine_threadsafe(self._reset(), self.loop).result()

    async def _set(self, mode, delay, backend):
        self.backend = backend or self.backend
        self.delay = self.delay if delay is None else delay
        self.mode = mode or self.mode
        if self.mode == "refuse" and self.server is not None:
            self.server.close()
            self.server = None
        elif self.mode != "refuse" and self.server is None:
            self.server = await asyncio.start_server(self._accept, self.address, self.port, limit=1 << 20)
            self.port = self.server.sockets[0].getsockname()[1]

    async def _reset(self):
        for writer in list(self.connections):
            own = writer.get_extra_info("socket")
            if own is not None:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _accept(self, reader, writer):
        self.connections.add(writer)
        tell("connection", count=len(self.connections))
        backend = None
        try:
            if self.mode == "garbage":
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)
                return await writer.drain()
            while self.mode == "hang":
                await asyncio.sleep(0.02)
            backend_reader, backend = await asyncio.open_connection("127.0.0.1", self.backend, limit=1 << 20)
            await asyncio.gather(self._copy(reader, backend), self._copy(backend_reader, writer))
        except (ConnectionError, OSError):
            pass
        finally:
            self.connections.discard(writer)
            tell("connection ended", count=len(self.connections))
            writer.close()
            if backend is not None:
                backend.close()

    async def _copy(self, reader, writer):
        while data := await reader.read(1 << 18):
            if self.delay:
                await asyncio.sleep(self.delay)
            while self.mode == "hang":
                await asyncio.sleep(0.02)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
