"""Draining Asterisk: nobody new comes in (503 at once, dialplan/limits.conf), who is in stays.

The word is a global variable in Asterisk that holds the moment until which it stands, so it ends by
itself when whoever wrote it dies, and with Asterisk. A file in the home says the same to people.
"""

# ruff: noqa: E501 - sentences
from __future__ import annotations

import contextlib
import json
import time

from psap.platform import pbx_console
from psap.platform.pbx_names import GLOBAL_DRAIN
from psap.platform.settings import Settings
from psap.platform.troubles import Trouble

STANDS = 10  # seconds that one word stands; it is renewed long before
FURTHEST = 60  # seconds: the dialplan believes no word that reaches further (dialplan/limits.conf)
RX_SECONDS = 5.0
FIELDS = 12  # of a channel in a line of `core show channels concise`, at least; a log line has fewer
# a call in these is being refused, or let in within milliseconds
ENTRANCE = frozenset(
    {
        *("from-trunk", "psap-arrive", "psap-identify", "psap-normalise", "psap-user"),
        *("psap-limits", "psap-refuse"),
    }
)

# what an earlier version's running dialplan lacks, put in place of its first step (`Set(PSAP_LEVEL=0)`)
_FRESH = "$[0${FILTER(0-9,${PSAP_DRAIN})} > ${EPOCH} & 0${FILTER(0-9,${PSAP_DRAIN})} <= ${EPOCH} + 60]"
_TAUGHT = f'dialplan add extension "s,1,ExecIf({_FRESH}?Return(overload):Set(PSAP_LEVEL=0))" into psap-limits replace'


def stand(settings: Settings, seconds: int = STANDS) -> None:
    """Nobody new comes in for so many seconds from now on, at most ``FURTHEST``.

    Raises:
        PbxConsoleError: Asterisk does not answer.
    """
    _put(settings, int(time.time()) + min(seconds, FURTHEST))


def open_again(settings: Settings) -> None:
    """Calls come in again, at once. Raises PbxConsoleError when Asterisk does not answer."""
    _put(settings, 0)


def forget(settings: Settings) -> None:
    """A new Asterisk knows nothing of an old word: neither do people."""
    with contextlib.suppress(OSError):
        (settings.run / "drain.json").unlink(missing_ok=True)


def teach(settings: Settings) -> bool:
    """Let a dialplan that is older than this software know the word too; True where it had to be taught.

    Raises:
        PbxConsoleError: Asterisk does not answer, or has no such dialplan.
    """
    if GLOBAL_DRAIN in _ask(settings, "dialplan show psap-limits"):
        return False
    _ask(settings, _TAUGHT)
    if GLOBAL_DRAIN not in _ask(settings, "dialplan show psap-limits"):
        raise pbx_console.PbxConsoleError("this Asterisk's dialplan cannot be drained (no [psap-limits])")
    return True


def left(settings: Settings) -> int:
    """How many channels are in now; a conversation has two or more.

    Raises:
        PbxConsoleError: Asterisk does not answer.
    """
    rows = [line.split("!") for line in _ask(settings, "core show channels concise").splitlines()]
    return sum(1 for row in rows if len(row) > FIELDS and row[1] not in ENTRANCE)


def complaint(settings: Settings) -> Trouble | None:
    """What to tell everybody while it stands; reads one small file."""
    try:
        until = json.loads((settings.run / "drain.json").read_text("utf-8"))["until"]
        seconds = until - time.time()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not 0 < seconds <= FURTHEST:
        return None
    return Trouble(
        "asterisk",
        "degraded",
        "Pusat telepon sedang dikosongkan untuk perawatan: panggilan baru dialihkan operator (503), yang sedang berlangsung tetap jalan.",
        "Being drained for maintenance: the carrier takes new calls elsewhere (503), those in progress go on.",
        "draining: ./112 drain --cancel opens it",  # psap/platform/mending.py knows it by its first word
    )


def _put(settings: Settings, until: int) -> None:
    _ask(settings, f"dialplan set global {GLOBAL_DRAIN} {until}")
    path = settings.run / "drain.json"
    with contextlib.suppress(OSError):  # a full disk is no reason not to drain, or not to open
        if until == 0:
            path.unlink(missing_ok=True)
            return
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"until": until}), "utf-8")
        part.replace(path)


def _ask(settings: Settings, command: str) -> str:
    return pbx_console.run(settings, command, timeout=RX_SECONDS)
