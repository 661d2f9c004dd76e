"""Talking with more than one: send a caller on, ask somebody in, leave the caller to them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from console.problem import Problem
from console.table import Ask, Body, Nothing, RouteTable, who_may
from psap.accounts.model import Permission
from psap.calls.model import Call

table = RouteTable("talking")
WHO = who_may(Permission.TALK)
GONE = ("not_found", "not_your_call", "not_talking", "asterisk_away", "bridge_away")
TARGET = ("unknown_target", "target_busy", "target_away", "already_there", "no_trunk")


class To(Body):
    """Whom: an account's name, an agency's id, a neighbouring centre's number, or the queue (no id)."""

    kind: Literal["agent", "agency", "centre", "queue"]
    id: str = Field("", max_length=64)


class Transfer(Body):
    """Cold: the caller is sent on, who asked leaves at once. Warm: as asking somebody in."""

    to: To
    how: Literal["cold", "warm"] = "cold"


class AskIn(Body):
    """Whom to ring into the conversation."""

    to: To


class Dropped(Body):
    """Who shall leave, by the id that ``call.talk`` tells."""

    party: str = Field(max_length=64)


class Rung(BaseModel):
    """Who is being rung."""

    party: str


class PartyNow(BaseModel):
    """Somebody on our side: ringing, talking or gone; ``end`` says how a ring ended."""

    id: str
    kind: str
    name: str
    state: str
    end: str | None = None


class Listener(BaseModel):
    """A supervisor who listens, or whispers to the call taker."""

    id: str
    name: str
    mode: str


class Talk(BaseModel):
    """Who is in a conversation beside the caller."""

    parties: list[PartyNow]
    held: bool
    listeners: list[Listener] = Field(default_factory=list)


@table.add(
    "GET",
    "/calls/{id}/parties",
    roles=WHO,
    answer=Talk,
    summary=("Siapa dalam percakapan", "Who is in the conversation"),
    problems=("not_found", "not_your_call", "bridge_away"),
)
async def get_parties(ask: Ask[None, None]) -> Talk:
    await theirs(ask)
    return Talk.model_validate(await ask.parts.bridge.command("talk.show", call_id=ask.id))


@table.add(
    "POST",
    "/calls/{id}/transfer",
    roles=WHO,
    body=Transfer,
    answer=Call,
    summary=("Alihkan pelapor", "Send the caller on"),
    problems=(*GONE, *TARGET),
)
async def transfer(ask: Ask[Transfer, None]) -> Call:
    return await _call(ask, "talk.transfer", to=ask.body.to.model_dump(), how=ask.body.how)


@table.add(
    "POST",
    "/calls/{id}/parties",
    roles=WHO,
    body=AskIn,
    answer=Rung,
    summary=("Ajak orang ketiga bicara", "Ring somebody into the conversation"),
    problems=(*GONE, *TARGET),
)
async def add_party(ask: Ask[AskIn, None]) -> Rung:
    return Rung.model_validate(await _wish(ask, "talk.add", to=ask.body.to.model_dump()))


@table.add(
    "POST",
    "/calls/{id}/parties/drop",
    roles=WHO,
    body=Dropped,
    answer=Nothing,
    summary=("Keluarkan satu pihak", "Let one of them go"),
    problems=(*GONE, "last_one"),
)
async def drop_party(ask: Ask[Dropped, None]) -> Nothing:
    await _wish(ask, "talk.drop", party=ask.body.party)
    return Nothing()


@table.add(
    "POST",
    "/calls/{id}/leave",
    roles=WHO,
    answer=Call,
    summary=("Tinggalkan percakapan, yang lain melanjutkan", "Leave the conversation to the others"),
    problems=(*GONE, "last_one"),
)
async def leave_call(ask: Ask[None, None]) -> Call:
    return await _call(ask, "talk.leave")


async def under_way(ask: Ask[Any, Any]) -> dict[str, Any]:
    """The call in progress that a path names. Raises Problem(not_found)."""
    calls = (await ask.parts.bridge.snapshot())["calls"]
    call: dict[str, Any] | None = next((each for each in calls if each["id"] == ask.id), None)
    if call is None:
        raise Problem("not_found")
    return call


async def theirs(ask: Ask[Any, Any]) -> None:
    """Only who has a part in a call may touch it, or who may touch every one.

    Raises:
        Problem: not_found, not_your_call.
    """
    call = await under_way(ask)
    if ask.user.may(Permission.TALK_ALL):
        return
    legs = [leg for leg in call["legs"] if leg["answered_at"]]
    if ask.user.username not in {leg["agent"] for leg in legs}:
        raise Problem("not_your_call")


async def _wish(ask: Ask[Any, Any], method: str, **params: Any) -> Any:
    await theirs(ask)
    return await ask.parts.bridge.command(method, call_id=ask.id, by=ask.user.username, **params)


async def _call(ask: Ask[Any, Any], method: str, **params: Any) -> Call:
    return Call.model_validate(await _wish(ask, method, **params))
