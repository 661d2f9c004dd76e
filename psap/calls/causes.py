"""Q.850 causes, as Asterisk tells them with a channel's end."""

from __future__ import annotations

# the network's doing, nobody's wish
NETWORK_CAUSES = {3, 25, 27, 38, 41, 42, 47, 58, 102, 127}
# SIP's own words that Q.850 has none for; of a caller who was not answered yet: the 487 after their CANCEL
INTERWORKING = 127
# how a ring ended, where the telephone's own word says more than "cancelled"
RING_CAUSES = {17: "busy", 21: "busy", 18: "no_answer", 19: "no_answer", 20: "failed"} | dict.fromkeys(
    NETWORK_CAUSES, "failed"
)
