"""A way to Asterisk's AMI port that breaks at the very moment an action is sent."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Literal, Self

# lost: neither the action nor anything after it arrives; unheard: it arrives, and the answer does
# not; late: it arrives only after ``release``, also when the sender has long gone away
Mode = Literal["well", "lost", "unheard", "late"]


class Trap:
    """Passes TCP on from 127.0.0.1:``port`` to ``target``. ``with Trap(...)``; ``arm`` before use.

    Only the connection on which ``word`` is sent breaks; later ones are well.
    """

    def __init__(self, port: int, target: int, word: bytes) -> None:
        self.port = port
        self.sprung = threading.Event()
        self._target = target
        self._word = word
        self._mode: Mode = "well"
        self._free = threading.Event()
        self._open: list[socket.socket] = []
        self._server = socket.socket()

    def __enter__(self) -> Self:
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.bind(("127.0.0.1", self.port))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._free.set()
        for each in (self._server, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def arm(self, mode: Mode) -> None:
        """Break at the next ``word``."""
        self.sprung.clear()
        self._free.clear()
        self._mode = mode

    def release(self) -> None:
        """Let what came late arrive."""
        self._free.set()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                bridge, _ = self._server.accept()
                asterisk = socket.create_connection(("127.0.0.1", self._target))
                self._open += [bridge, asterisk]
                broken = threading.Event()
                threading.Thread(target=self._up, args=(bridge, asterisk, broken), daemon=True).start()
                threading.Thread(target=self._down, args=(asterisk, bridge, broken), daemon=True).start()

    def _up(self, bridge: socket.socket, asterisk: socket.socket, broken: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := bridge.recv(65_536):
                if broken.is_set():
                    continue
                if self._mode != "well" and self._word in data:
                    mode, self._mode = self._mode, "well"
                    broken.set()
                    self.sprung.set()
                    if mode == "late":
                        self._free.wait()
                    if mode != "lost":
                        asterisk.sendall(data)
                    continue
                asterisk.sendall(data)
        if not broken.is_set():
            asterisk.close()

    def _down(self, asterisk: socket.socket, bridge: socket.socket, broken: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := asterisk.recv(65_536):
                if not broken.is_set():
                    bridge.sendall(data)
        if not broken.is_set():
            bridge.close()
