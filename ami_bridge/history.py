"""The ledger since a place, as a stream of finished calls: what a long outage left is never held at once.

All of this reads files and computes; it runs beside the event loop.
"""

from __future__ import annotations

from collections import deque

from ami_bridge import ledger
from ami_bridge.books import Books
from ami_bridge.ledger import Owner, Story
from psap.calls.model import Source
from psap.calls.tracking import Tracker

LATE = 400  # lines that may still come for a call after its last one: two channels' lines change places
BATCH = 40  # calls handed over at a time


class History:
    """Reads on from the books' place. ``batch()`` until it gives nothing, then ``left()``."""

    def __init__(self, books: Books, site: str, owner: Owner) -> None:
        self._site = site
        self._owner = owner
        self._cel = books.cel.reader(books.cel_place)
        self._queue = books.queue.reader(books.queue_place)
        self._open: dict[str, Story] = {}
        self._closing: deque[tuple[int, str]] = deque()  # (line after which it is done, call), oldest first
        self._done: deque[Story] = deque()
        self._agents: dict[str, list[list[str]]] = {}  # queue_log's lines by call
        self._lines = 0

    def batch(self) -> list[Tracker]:
        """The next calls that are over, oldest first; none: that was the last line so far."""
        made: list[Tracker] = []
        while len(made) < BATCH:
            if not self._done:
                if self._read():
                    continue
                self._close_all()
                if not self._done:
                    break
            story = self._done.popleft()
            if (tracker := self._replay(story)) is not None and tracker.ended:
                made.append(tracker)
            elif tracker is not None:  # closed without an end of its own: as left over
                self._open[story.linkedid] = story
        return made

    def left(self) -> dict[str, Story]:
        """Calls that have begun and not ended, so far as it is written."""
        return {key: story for key, story in self._open.items() if story.trunk}

    def failed(self, story: Story) -> Tracker | None:
        """A call whose channel is gone though nobody wrote its end: ended with its last line."""
        tracker = self._replay(story)
        if tracker is not None and not tracker.ended:
            tracker.lost(ledger.last_moment(story))
        return tracker

    def close(self) -> None:
        """Done reading."""
        self._cel.close()
        self._queue.close()

    def _replay(self, story: Story) -> Tracker | None:
        story.queue_lines = self._agents.pop(story.linkedid, []) or story.queue_lines
        if not story.trunk:
            return None
        return ledger.replay(story, self._site, self._owner, Source.LEDGER)

    def _read(self) -> bool:
        lines = self._cel.more()
        # queue_log's word comes first: whatever CEL says until here is told there too
        while told := self._queue.more():
            for parts in ledger.queue_parts(told):
                self._agents.setdefault(parts[1], []).append(parts)
        for row in ledger.rows(lines):
            self._lines += 1
            key = row["linkedid"]
            story = self._open.get(key)
            if story is None:
                story = self._open[key] = Story(key)
            was = story.closed
            story.add(row)
            if story.closed and not was:
                self._closing.append((self._lines + LATE, key))
            while self._closing and self._closing[0][0] <= self._lines:
                self._done.append(self._open.pop(self._closing.popleft()[1]))
        return bool(lines)

    def _close_all(self) -> None:
        while self._closing:
            self._done.append(self._open.pop(self._closing.popleft()[1]))
