"""Every channel variable shared with the dialplan.

Variables are set by ``dialplan/`` (marked in) or by the flows (marked out). A rename here is
a rename there: tests/unit/test_dialplan_names.py compares both. Names that
the bridge needs too are in psap/platform/pbx_names.py.
"""

from __future__ import annotations

# in: what the dialplan knows before it asks us
NUMBER = "PSAP_NUMBER"  # filtered digits as sent, may be empty
KEY = "PSAP_KEY"  # normalised key (62..., no plus), empty without identity
PRESENTATION = "PSAP_PRES"  # allowed, withheld
DIALLED = "PSAP_DIALLED"
RUNG = "PSAP_RUNG"  # 0..5
TREATMENT = "PSAP_TREATMENT"  # none, warn, challenge, announce
BLOCK_ID = "PSAP_BLOCK"
RECENT_DROP = "PSAP_RECENT_DROP"  # 1: dropped within ten minutes and not yet used this hour
ASKED_AT = "PSAP_T0"  # seconds of the epoch when the gate began
MAY_55 = "PSAP_MAY_55"  # 1: 55 puts this call in front

# out: what the gate decided; NEXT is the word that tells success from a dead server
NEXT = "PSAP_NEXT"  # queue, end
RESULT = "PSAP_RESULT"  # psap.calls.model.GateResult
KEYS = "PSAP_KEYS"
PRIORITY = "PSAP_PRIORITY"  # high, normal, low
FLAGS = "PSAP_FLAGS"  # words of psap.calls.model.Flag joined by &
DECISION = "PSAP_DECISION"  # pass, warn, challenge, announce, flagged
