"""Names on Asterisk's side that more than one of our processes uses, and the dialplan too."""

from __future__ import annotations

# bridge -> channel
HEARD = "PSAP_HEARD"  # every key that was heard of the caller in the gate, in order; s is *, h is #
SPOKE = "PSAP_SPOKE"  # in the open window: 1 speech heard, talking (wait for the end), quiet

DEAD = "PSAP_DEAD"  # on a call taker's leg: why it is ended though nobody wished it (browser)

# globals written by the bridge each second as WORD:EPOCH
GLOBAL_AGI = "PSAP_AGI"  # up:EPOCH or down:EPOCH; only a fresh down skips AGI
GLOBAL_BRIDGE = "PSAP_BRIDGE"  # up:EPOCH:SINCE: the bridge hears every caller whose gate began after SINCE
GLOBAL_RECORD = "PSAP_RECORD"  # on:EPOCH or off:EPOCH (the disk is low); only a fresh off stops recordings
GLOBAL_DRAIN = "PSAP_DRAIN"  # EPOCH until which nobody new comes in; only what is near and ahead counts
GLOBAL_FREE = "PSAP_FREE"  # number of free agents:EPOCH

# AstDB families
DB_BLOCK = "psap-block"  # KEY -> EXPIRY|RUNG|TREATMENT|BLOCKID, EXPIRY epoch seconds, 0 permanent
DB_DROP = "psap-drop"  # KEY -> epoch of the last drop out of gate or queue
DB_REFUSED = "psap-refused"  # KEY -> EPOCH|COUNT of the last refusal for want of room
DB_DROP_USED = "psap-dropused"  # KEY -> epoch of the last skipped gate
DB_55_USED = "psap-55used"  # KEY -> epoch of the last 55 that went in front

# call-backs: channel id -> the number, taken out by the dialplan once, so never dialled twice
CALL_BACK_TOKEN = "psap-callback"  # noqa: S105 - an AstDB family
CALL_BACK = "psap-callback"  # the context of call-backs

TRAINING = "psap-training"  # context, and AstDB family: channel id -> CALLER|LINES

# talking with more than one
TALK = "psap-talk"  # who is rung into a conversation enters here
MOVE = "PSAP_MOVE"  # bridge -> channel: KIND|ID|TARGET|BY|BACK|HOW
ROOM = "PSAP_ROOM"  # bridge -> a call taker's channel: the caller's Uniqueid

SPY = "psap-spy"  # a supervisor's telephone that listens
SPIED = "PSAP_SPIED"  # bridge -> that telephone: Uniqueid of whom it listens to

ORIGINATE = (CALL_BACK, TRAINING, TALK, SPY)  # the only contexts that the bridge may originate into
