"""A real exchange that proves the server answers: the bridge asks each second."""

from __future__ import annotations

from agi.conversation import Conversation


def probe(call: Conversation) -> None:
    """Set one variable and end."""
    call.set_word("PSAP_PROBE", "ok")
