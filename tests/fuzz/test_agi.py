"""The AGI conversation against an Asterisk that says anything.

Guaranteed for every input: the flow ends with a decision or one of the four refusals that the server
knows, after a bounded number of commands; what was sent is lines of our own vocabulary and nothing
else, whatever stood in the answers.
"""

from __future__ import annotations

import random
import re
import socket
import wave
from functools import partial
from pathlib import Path

import pytest

from agi.conversation import AGIUnknownError, Conversation, HangUp, UnsafeError
from agi.flows.decision import Decision, Facts, Rules
from agi.flows.gate import Gate
from agi.line import AgiLine, Prompts
from agi.server import _tell
from psap.pbx.prompts import texts
from tests.fuzz.machine import fuzz, mutate, sizes

ENV = (
    b"agi_network: yes\nagi_network_script: gate\nagi_request: agi://127.0.0.1/gate\n"
    b"agi_channel: PJSIP/trunk-00000001\n"
    b"agi_language: id\nagi_uniqueid: smg-1700000000.1\nagi_callerid: 081227538144\n"
    b"agi_arg_1: PSAP_KEY=6281227538144\n"
    b"agi_arg_2: PSAP_RUNG=@RUNG@\nagi_arg_3: PSAP_TREATMENT=@TREATMENT@\nagi_arg_4: PSAP_MAY_55=1\n\n"
)
ANSWERS = (
    b"200 result=0\n",
    b"200 result=1\n",
    b"200 result=48 endpos=1200\n",
    b"200 result=53\n",
    b"200 result=57\n",
    b"200 result=-1\n",
    b"200 result=0 endpos=27200\n",
    b"200 result=1 (1)\n",
    b"200 result=1 (talking)\n",
    b"200 result=1 (up:1700000000)\n",
    b"200 result=0 (timeout)\n",
    b"HANGUP\n",
    b"510 Invalid or unknown command\n",
    b"511 Command Not Permitted on a dead channel or intercept routine\n",
    b"200 result=10\n",
    b"200 result=13\n",
    b"520-Invalid command syntax.  Proper usage follows:\nUsage: x\n520 End of proper usage.\n",
    b"200 result=\n",
)
VALUE = rb'"(?:[^"\\\x00-\x1f\x7f]|\\["\\])*"'
COMMAND = re.compile(
    rb'SET VARIABLE "(?:TIMEOUT\(absolute\)|PSAP_[A-Z0-9_]+)" ' + VALUE + rb"|"
    rb'GET VARIABLE "[A-Z0-9_]+"|STREAM FILE ' + VALUE + rb' "[0-9*#]*"|WAIT FOR DIGIT [0-9]+|'
    rb'EXEC UserEvent "PsapWindow,State: (?:open|closed)"|'
    rb'EXEC MSet "TIMEOUT\(absolute\)=3\.0(?:,PSAP_[A-Z]+=[a-z0-9_&]*)+"'
)
MOST_COMMANDS = 400


class Link(socket.socket):
    """One end of a pair of local sockets; TCP's own options mean nothing to it."""

    def setsockopt(self, *_args: object) -> None:
        pass


class QuickLine(AgiLine):
    """A caller whose seconds pass by being asked for."""

    passed = 0.0

    def now(self) -> float:
        self.passed += 0.05
        return self.passed


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    """Real recordings, a second of silence each."""
    folder = tmp_path_factory.mktemp("prompts")
    for language in ("id", "en"):
        (folder / language).mkdir()
        for name in texts(language):
            with wave.open(str(folder / language / f"{name}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(bytes(16_000))
    return Prompts(Path(folder))


def hostile(draw: random.Random) -> bytes:
    """What an odd Asterisk says: mostly right, with accidents."""
    treatment = draw.choice([b"none", b"none", b"challenge", b"announce", b"warn"])
    env = ENV.replace(b"@RUNG@", b"%d" % draw.randrange(6)).replace(b"@TREATMENT@", treatment)
    said = env + b"".join(draw.choice(ANSWERS) for _ in range(draw.randint(0, 60)))
    return said if draw.random() < 0.1 else mutate(draw, said, ANSWERS)


def converse(prompts: Prompts, said: bytes) -> Decision | None:
    """The whole flow against one Asterisk; what it decided, None where it gave the caller up."""
    ours, theirs = socket.socketpair()
    link = Link(fileno=ours.detach())
    theirs.sendall(said)
    theirs.shutdown(socket.SHUT_WR)
    decision: Decision | None = None
    try:
        call = Conversation(link)
        line = QuickLine(call, prompts, wall=lambda: 1_700_000_000.0)
        gate = Gate(line, Facts.read(call.arguments), Rules())
        decision = gate.run()
        _tell(call, decision, gate.keys)
    except (HangUp, AGIUnknownError, UnsafeError):
        pass  # the dialplan goes on by itself
    link.shutdown(socket.SHUT_WR)
    sent = b""
    while data := theirs.recv(65_536):
        sent += data
    link.close()
    theirs.close()
    lines = sent.split(b"\n")
    assert lines.pop() == b"", "a command without an end"
    assert len(lines) <= MOST_COMMANDS
    for command in lines:
        assert COMMAND.fullmatch(command), command
    return decision


@sizes(300)
def test_whatever_asterisk_says(prompts: Prompts, inputs: int) -> None:
    fuzz("AGI conversation", inputs, hostile, partial(converse, prompts))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"200 result=" + b"9" * 5000 + b"\n", id="a key beyond all digits"),
        pytest.param(b"200 result=0 endpos=" + b"9" * 5000 + b"\n", id="an endpos beyond all digits"),
        pytest.param("200 result=٤٨\n".encode(), id="digits of another script"),
        pytest.param(b"200 result=1 (" + b"A" * 9000 + b")\n", id="a line longer than any"),
    ],
)
def test_found_before(prompts: Prompts, answer: bytes) -> None:
    converse(prompts, ENV + b"200 result=1\n" + answer * 3)
    converse(prompts, ENV.replace(b"@TREATMENT@", b"challenge") + b"200 result=1\n" + answer * 3)
    converse(prompts, ENV + b"200 result=1\n" * 2 + answer)


def test_it_can_tell(prompts: Prompts) -> None:
    """The oracle sees a good conversation through to its decision."""
    decision = converse(prompts, ENV + b"200 result=1\n200 result=48 endpos=100\n" + b"200 result=1\n" * 8)
    assert decision is not None
    assert str(decision.result) == "key0"
