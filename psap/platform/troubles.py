"""What is wrong, in words for people: which part, how badly, and how to mend it, in two languages.

Whoever watches something (disk, ledger, backups...) makes a ``Trouble`` and offers it to the bridge
(``bridge.troubles``) or to the console (``parts.state.troubles``); from there it reaches
``./112 status``, ``GET /api/v1/state``, the live channel and the page's banner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["up", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One complaint about a part. ``id`` and ``en``: what is wrong and how to mend it, one sentence or two.

    ``detail`` is for those who mend, in English; it never holds personal data.
    """

    part: str  # redis, asterisk, ami, agi, ami_bridge, console, database, disk...
    state: Literal["degraded", "down"]
    id: str
    en: str
    detail: str = ""

    def words(self) -> str:
        """Both languages in a line, as the command line shows it."""
        both = self.id if self.id == self.en else f"{self.id} / {self.en}"
        return f"{both} ({self.detail})" if self.detail else both

    def shown(self) -> dict[str, str]:
        """As it travels: ``{"state", "detail", "id", "en"}``."""
        return {"state": self.state, "detail": self.detail or self.en, "id": self.id, "en": self.en}

    @classmethod
    def of(cls, said: str | Trouble) -> Trouble:
        """A plain word is a complaint of the bridge itself."""
        return said if isinstance(said, Trouble) else cls("ami_bridge", "degraded", said, said)


Complaint = Callable[[], "str | Trouble | None"]


def worst(one: str, other: str) -> str:
    """The worse of two states."""
    order = ("up", "degraded", "down")
    return max(one, other, key=order.index)
