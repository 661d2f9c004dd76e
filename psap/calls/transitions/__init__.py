"""What each fact changes in a call that is followed: one function a fact, a file for each part of a call."""

from __future__ import annotations

from psap.calls.progress import Transitions
from psap.calls.transitions.conversation import CONVERSATION
from psap.calls.transitions.end import END
from psap.calls.transitions.gate import GATE
from psap.calls.transitions.queue import QUEUE

TRANSITIONS: Transitions = GATE | QUEUE | CONVERSATION | END
