"""Sweeps out what the dialplan remembered of callers and no longer needs.

The dialplan writes one AstDB entry for a caller who dropped out, skipped the gate, pressed 55 or was refused,
and never deletes any: without a sweep the file would grow by a thousand numbers a day, and the
numbers of people would be kept for no purpose.
"""

from __future__ import annotations

from ami_bridge.actions import Actions
from psap.platform.pbx_names import DB_55_USED, DB_DROP, DB_DROP_USED, DB_REFUSED

KEEP_SECONDS = 3700  # "once an hour" is the longest that the dialplan looks back
FAMILIES = (DB_DROP, DB_DROP_USED, DB_55_USED, DB_REFUSED)


def outdated(entries: dict[str, str], now_s: int) -> list[str]:
    """Keys whose epoch lies too far back, or which hold no epoch at all. Behind a ``|`` may stand more."""
    return [
        key
        for key, value in entries.items()
        if not ((epoch := value.partition("|")[0]).isascii() and epoch.isdigit())
        or now_s - int(epoch) > KEEP_SECONDS
    ]


async def sweep(actions: Actions, now_s: int) -> int:
    """Delete what is outdated; how many entries that was."""
    swept = 0
    for family in FAMILIES:
        keys = outdated(await actions.tree(family), now_s)
        await actions.write_tree(family, {}, keys)
        swept += len(keys)
    return swept
