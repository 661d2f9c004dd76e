"""The cells of the fault matrix: what breaks x how x at which moment of a call. Pure.

``CELLS`` is the whole matrix; a combination that makes no sense is named by ``left_out`` with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Moment = Literal["before the call", "in the gate", "in the queue", "ringing", "talking", "wrapping up"]
BEFORE: Moment = "before the call"
GATE: Moment = "in the gate"
QUEUE: Moment = "in the queue"
RINGING: Moment = "ringing"
TALKING: Moment = "talking"
WRAPPING: Moment = "wrapping up"
MOMENTS: tuple[Moment, ...] = (BEFORE, GATE, QUEUE, RINGING, TALKING, WRAPPING)

PROCESS = ("killed", "stopped", "slow", "crash loop", "restarted")
NOTHING = "nothing"  # the same calls without a fault: what the extra seconds are measured against
HOWS: dict[str, tuple[str, ...]] = {
    NOTHING: ("well",),
    "agi": (*PROCESS, "starved"),
    "ami_bridge": PROCESS,
    "console": PROCESS,
    "redis": PROCESS,
    "asterisk": (*PROCESS, "paused"),
    "AMI link": ("cut", "half-open", "slow"),
    "name resolution": ("dead", "dead from the start"),
    "clock": ("an hour on", "an hour back"),
    "database": ("locked", "slow", "file deleted"),
    "disk": ("full",),
}
# each kind of home is set up in its own way; cells of one kind share their homes
USUAL, CLOCK, DISK, NAMELESS = "usual", "clock", "disk", "nameless"
KINDS = (USUAL, CLOCK, DISK, NAMELESS)


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault at one moment."""

    part: str
    how: str
    moment: Moment

    @property
    def key(self) -> str:
        """Its name in results, tests and on the command line."""
        return f"{self.part}, {self.how}, {self.moment}"

    @property
    def kind(self) -> str:
        """Which kind of home it needs."""
        if self.part == "clock":
            return CLOCK
        if self.part == "disk":
            return DISK
        return NAMELESS if self.how == "dead from the start" else USUAL

    @property
    def most(self) -> float:
        """Seconds it may cost a caller. Asterisk must come back first; the carrier sends its INVITE again."""
        if self.part == "asterisk":
            return 60.0 if self.how == "stopped" else 30.0
        if self.how == "an hour on":
            return 80.0  # every registration is over: the only telephone is back in a minute or so
        if self.waits_longer and self.moment == GATE:
            return 15.0  # a prompt is heard first
        return 8.0

    @property
    def waits_longer(self) -> bool:
        """Whether Asterisk's waits do not end any more: in the gate, for who presses no key."""
        return self.how == "an hour back"

    @property
    def ruins(self) -> bool:
        """Whether the home is not used for another cell afterwards."""
        return self.how == "file deleted"

    @property
    def loses(self) -> bool:
        """Bad by nature: the call that is under way dies with Asterisk, the next one must work."""
        return self.ends_asterisk and self.moment not in (BEFORE, WRAPPING)

    @property
    def ends_asterisk(self) -> bool:
        """Whether Asterisk does not survive it. A stopped one is ended by the watchdog, later than a carrier
        sends its INVITE again: the citizen may have to dial once more."""
        return self.part == "asterisk" and self.how in ("killed", "stopped", "crash loop", "restarted")


def left_out(part: str, how: str, moment: Moment) -> str | None:
    """Why a combination is no cell; None for a cell."""
    if part == "agi" and moment in (QUEUE, RINGING, TALKING) and how != "killed":
        return "agi has no part in a call that has left the gate; killed shows it"
    if part == "agi" and moment == WRAPPING and how != "killed":
        return "the next call meets the fault as before the call"
    if how == "dead from the start" and moment != BEFORE:
        return "it has no beginning: every call meets it alike"
    return None


CELLS: tuple[Cell, ...] = tuple(
    Cell(part, how, moment)
    for part, hows in HOWS.items()
    for how in hows
    for moment in MOMENTS
    if left_out(part, how, moment) is None
)
BY_KEY = {cell.key: cell for cell in CELLS}

# what every run of the tests shows: about a tenth, of those that take seconds
TENTH: tuple[Cell, ...] = (
    Cell("agi", "killed", BEFORE),
    Cell("agi", "killed", GATE),
    Cell("agi", "stopped", GATE),
    Cell("agi", "starved", GATE),
    Cell("ami_bridge", "killed", GATE),
    Cell("ami_bridge", "killed", QUEUE),
    Cell("ami_bridge", "killed", RINGING),
    Cell("ami_bridge", "killed", TALKING),
    Cell("ami_bridge", "killed", WRAPPING),
    Cell("console", "killed", TALKING),
    Cell("redis", "killed", BEFORE),
    Cell("redis", "killed", TALKING),
    Cell("asterisk", "killed", TALKING),
    Cell("asterisk", "restarted", GATE),
    Cell("AMI link", "cut", TALKING),
    Cell("AMI link", "half-open", TALKING),
    Cell("name resolution", "dead", BEFORE),
    Cell("database", "locked", TALKING),
)
