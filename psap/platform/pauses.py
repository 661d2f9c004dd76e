"""The collector's pauses, kept away from screen-pops.

A full collection walks over every object there is: of a running bridge or console some 200,000, most of
them code and tables that stay for ever, in 30 to 100 ms during which no event is handled.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 5_000, 20, 20  # allocations; collections of the generation before


def keep_what_is_there() -> None:
    """Call once, when a process has started: what is there by then stays, and is walked over no more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
