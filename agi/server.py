"""The FastAGI server: a thread per call, flows that are plain code."""

from __future__ import annotations

import contextlib
import signal
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from agi import variables
from agi.conversation import AGIUnknownError, Conversation, HangUp, LateError, UnsafeError
from agi.flows.decision import Decision, Facts, Rules
from agi.flows.gate import Gate
from agi.flows.probe import probe
from agi.line import AgiLine, Prompts
from psap.agencies.profile import Profile, ProfileError, find_profile, load_profile
from psap.calls.model import call_id
from psap.platform.heartbeat import write_heartbeat
from psap.platform.log import setup_log
from psap.platform.metrics import GATE_SECONDS, Tally
from psap.platform.settings import Settings, load_settings


class Server(socketserver.ThreadingTCPServer):
    """Asterisk asks, we answer."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512  # a burst waits here rather than being refused

    def __init__(self, settings: Settings, site: str, rules: Rules, prompts: Prompts) -> None:
        super().__init__(("127.0.0.1", settings.agi_port), Handler)
        self.site = site
        self.rules = rules
        self.prompts = prompts
        self.calls = 0
        self.tally = Tally(
            {"conversations": ("decided", "hung_up", "late", "refused", "fault")}, {"seconds": GATE_SECONDS}
        )
        self._held = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """A caller is in our hands; how long is counted, however it ends."""
        began = time.monotonic()
        with self._lock:
            self.calls += 1
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1
            self.tally.observe("seconds", time.monotonic() - began)

    def figures(self) -> dict[str, Any]:
        """What is counted, for the heartbeat."""
        return {**self.tally.figures(), "calls_now": self._held}

    def handle_error(self, request: object, client_address: object) -> None:
        """A fault of ours: the dialplan goes on without us, and we say so without personal data."""
        structlog.get_logger().exception("agi_fault")


class Handler(socketserver.BaseRequestHandler):
    """One conversation."""

    server: Server

    def handle(self) -> None:
        try:
            call = Conversation(self.request)
        except HangUp:
            return  # somebody connected and went away
        try:
            if call.script == "probe":
                with contextlib.suppress(HangUp):  # who asked did not wait: they say so themselves
                    probe(call)
            elif call.script == "gate":
                self._gate(call)
            else:
                structlog.get_logger().warning("unknown_script", script=call.script[:40])
        finally:
            call.close()

    def _gate(self, call: Conversation) -> None:
        # bound to this thread's context: whatever is logged from here on says whose call it is
        with (
            structlog.contextvars.bound_contextvars(
                call_id=call_id(self.server.site, call.env.get("agi_uniqueid", ""))
            ),
            self.server.holding(),
        ):
            self._ask(call)

    def _ask(self, call: Conversation) -> None:
        log = structlog.get_logger()
        log.info("gate_begins")
        gate = Gate(AgiLine(call, self.server.prompts), Facts.read(call.arguments), self.server.rules)
        try:
            decision = gate.run()
            _tell(call, decision, gate.keys)
            self._ended("decided")
            log.info("gate", result=decision.result, end=decision.end)
        except LateError as error:
            self._ended("late")
            log.warning("agi_too_slow", detail=str(error))  # the dialplan goes on by itself
        except HangUp:
            # what was pressed stands in the record of an abandoned call too, where it still can
            self._ended("hung_up")
            log.info("gate", result="hung_up")
        except (AGIUnknownError, UnsafeError):
            self._ended("refused")
            log.exception("agi_refused")  # the dialplan goes on by itself
        except Exception:  # a fault of ours: said here, where it is known whose call it was
            self._ended("fault")
            log.exception("agi_fault")

    def _ended(self, word: str) -> None:
        self.server.tally.count("conversations", word)


def _tell(call: Conversation, decision: Decision, keys: str) -> None:
    """The decision as channel variables; the word that leads on comes last."""
    words = {
        variables.RESULT: str(decision.result),
        variables.KEYS: "".join({"*": "s", "#": "h"}.get(key, key) for key in keys[:20]),
        variables.PRIORITY: str(decision.priority),
        variables.FLAGS: "&".join(decision.flags),
        variables.NEXT: "end" if decision.end else "queue",
    }
    call.set_words(words, seconds=1)


def rules_of(profile: Profile) -> Rules:
    """The gate of a city."""
    return Rules(
        speaking=profile.gate.speaking,
        cannot_speak=profile.gate.cannot_speak,
        recent_drop=profile.gate.recent_drop,
        no_response_queues=profile.gate.no_response == "queue",
        seconds=float(profile.gate.seconds),
        languages=tuple(profile.languages),
    )


def load(settings: Settings) -> tuple[str, Rules]:
    """Site and rules: the profile in force, or the defaults where it cannot be read (fail open)."""
    try:
        own = settings.home / "profile.toml"
        profile = load_profile(own if own.exists() else find_profile(settings.profile))
    except ProfileError as error:
        structlog.get_logger().error("profile_unreadable", detail=str(error))
        return "unknown", Rules()
    return profile.site, rules_of(profile)


def serve() -> None:
    """Run until SIGTERM."""
    settings = load_settings()
    setup_log("agi")
    site, rules = load(settings)
    server = Server(settings, site, rules, Prompts(settings.pbx / "sounds" / "psap"))
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    _beat(settings.run, server, stopping)
    server.shutdown()
    server.server_close()


def _beat(run: Path, server: Server, stopping: threading.Event) -> None:
    while True:
        write_heartbeat(run, "agi", "up", f"{server.calls} calls since start", {"figures": server.figures()})
        if stopping.wait(1):
            return
