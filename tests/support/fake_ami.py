"""Something that speaks AMI as far as the link needs, and can misbehave; and a proxy for the real one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ami_bridge.wire import Headers, read_event

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"


class FakeAmi:
    """A manager with a small AstDB. ``received``: every action that ever arrived."""

    def __init__(self, secret: str = "right") -> None:
        self.secret = secret
        self.banner = BANNER
        self.received: list[Headers] = []
        self.database: dict[tuple[str, str], str] = {}
        self.reads = asyncio.Event()  # clear: it fetches nothing from its sockets
        self.reads.set()
        self.writers: list[asyncio.StreamWriter] = []
        self.logged_in = asyncio.Event()
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 16)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Away: the port refuses, connections end."""
        if self._server is not None:
            self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    async def emit(self, data: bytes) -> None:
        """Send bytes to whoever is logged in last, as fast as they are taken."""
        writer = self.writers[-1]
        writer.write(data)
        await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self.banner)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await self.reads.wait()
                raw = await reader.readuntil(b"\r\n\r\n")
                action = read_event(raw)
                self.received.append(action)
                if action["Action"] == "Login":
                    if action["Secret"] != self.secret:
                        writer.write(_answer(action, "Error", "Authentication failed"))
                        break
                    writer.write(_answer(action, "Success", "Authentication accepted") + BOOTED)
                    self.writers.append(writer)
                    self.logged_in.set()
                    continue
                writer.write(self._do(action))
        writer.close()

    def _do(self, action: Headers) -> bytes:
        place = (action.get("Family", ""), action.get("Key", ""))
        match action["Action"]:
            case "DBPut":
                self.database[place] = action.get("Val", "")
            case "DBDel":
                if self.database.pop(place, None) is None:
                    return _answer(action, "Error", "Database entry not found")
            case "DBGet":
                if place not in self.database:
                    return _answer(action, "Error", "Database entry not found")
                number = action["ActionID"]
                rows = (
                    f"Event: DBGetResponse\r\nFamily: {place[0]}\r\nKey: {place[1]}\r\n"
                    f"Val: {self.database[place]}\r\nActionID: {number}\r\n\r\n"
                    f"Event: DBGetComplete\r\nActionID: {number}\r\nEventList: Complete\r\n\r\n"
                )
                return _answer(action, "Success", "Result will follow") + rows.encode()
            case "QueueStatus" | "CoreShowChannels" | "DeviceStateList" | "DBGetTree":  # nothing to tell
                end = f"Event: ListComplete\r\nActionID: {action['ActionID']}\r\nEventList: Complete\r\n\r\n"
                return _answer(action, "Success", "List will follow") + end.encode()
        return _answer(action, "Success", "done")


def _answer(action: Headers, response: str, message: str) -> bytes:
    number = action.get("ActionID", "")
    return f"Response: {response}\r\nActionID: {number}\r\nMessage: {message}\r\n\r\n".encode()


class Proxy:
    """Stands between the link and its peer. ``sent``: every byte the link ever sent through it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = 0
        self.sent = bytearray()
        self.connections = 0
        self.answers = asyncio.Event()  # clear: what the peer says is kept back, though it hears everything
        self.answers.set()
        self.lets = asyncio.Event()  # clear: half open, nothing passes in either direction
        self.lets.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """End every connection on both sides."""
        for writer in self._writers:
            writer.transport.abort()

    def count(self, action: str) -> int:
        """How often an action left the link."""
        return bytes(self.sent).count(f"Action: {action}\r\n".encode())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_peer, to_peer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        self._writers |= {writer, to_peer}
        there = asyncio.create_task(self._pump(reader, to_peer, [self.lets], keep=True))
        back = asyncio.create_task(self._pump(from_peer, writer, [self.lets, self.answers]))
        await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        for one in (writer, to_peer):
            self._writers.discard(one)
            one.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gates: list[asyncio.Event],
        keep: bool = False,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                for gate in gates:
                    await gate.wait()
                if keep:
                    self.sent += data
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def fake_ami() -> AsyncIterator[FakeAmi]:
    """A fake manager for a test."""
    made = FakeAmi()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
