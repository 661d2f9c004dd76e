"""Who hears which AMI event.

Of the events that Asterisk tells of a call a third is wanted by nobody here. Whoever listens says which
events it wants: the others are not even read from their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ami_bridge.wire import Headers

Listen = Callable[[Headers], None]

ALWAYS = ("FullyBooted",)  # what the link itself listens to


class Hearing:
    """Listeners by the names of events. Who wants a new name is there before the link is up."""

    def __init__(self, names: Iterable[str]) -> None:
        """``names``: events that are wanted whether somebody listens or not."""
        self._listeners: dict[str, list[Listen]] = {}
        self.names: set[bytes] = set()
        for name in (*names, *ALWAYS):
            self._listeners[name] = []
            self.names.add(name.encode())

    def add(self, listen: Listen, *names: str) -> None:
        """Call ``listen`` for each event of these names, after those who were added before."""
        for name in names:
            self._listeners.setdefault(name, []).append(listen)
            self.names.add(name.encode())

    def heard(self, event: Headers) -> None:
        """Tell one event to those who want it."""
        for listen in self._listeners.get(event.get("Event", ""), ()):
            listen(event)
