"""What we ask Asterisk to do, in our own words. Every value is checked by the link again."""

from __future__ import annotations

import contextlib

from ami_bridge.link import Link
from ami_bridge.wire import NUDGE, Headers, LinkError, RefusedError
from psap.calls.parties import Party
from psap.platform import pbx_names
from psap.queue.model import Agent, Device

QUEUE = "psap112"
SECOND = "psap-second"  # an overflow's own (dialplan/over-queue.conf)
NORMAL, NO_ANSWER, NOT_NORMAL = 16, 19, 38  # Q.850
NUDGE_MS = 100  # of a key: longer than the shortest that counts as one
RING_NET = 10  # seconds after which Asterisk ends a ring that we did not


class Actions:
    """Wishes to one Asterisk. All raise LinkAwayError or RefusedError."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def login(self, phone: str, agent: str) -> None:
        """Make a telephone a member of the queue."""
        await self._link.do(
            "QueueAdd",
            Queue=QUEUE,
            Interface=f"PJSIP/{phone}",
            StateInterface=f"PJSIP/{phone}",
            MemberName=agent,
            Penalty=0,
        )

    async def logout(self, phone: str) -> None:
        """Take a telephone out of the queue."""
        await self._link.do("QueueRemove", Queue=QUEUE, Interface=f"PJSIP/{phone}")

    async def out_of_all(self, phone: str) -> None:
        """Take a telephone that is none any more out of every queue; whoever talks with it goes on."""
        for queue in (QUEUE, SECOND):
            with contextlib.suppress(RefusedError):  # it is not in that one
                await self._link.do("QueueRemove", Queue=queue, Interface=f"PJSIP/{phone}")

    async def pause(self, phone: str, reason: str) -> None:
        """No calls to a telephone until ``unpause``."""
        await self._link.do(
            "QueuePause", Queue=QUEUE, Interface=f"PJSIP/{phone}", Paused="true", Reason=reason
        )

    async def unpause(self, phone: str) -> None:
        """Calls again."""
        await self._link.do("QueuePause", Queue=QUEUE, Interface=f"PJSIP/{phone}", Paused="false")

    async def hang_up(self, channel: str, cause: int = NORMAL) -> None:
        """End a channel at once, named by its Uniqueid: a name is another caller's after a restart."""
        await self._link.do("Hangup", Channel=channel, Cause=cause)

    # -- talking with more than one; channels by Uniqueid

    async def send_on(self, channel: str, who: Party, dial: str, by: str, back: str | None, how: str) -> None:
        """Send a caller out of conversation or queue to somebody else (dialplan/transfer.conf)."""
        move = f"{who.kind}|{who.id}|{dial}|{by}|{back or ''}|{how}"
        await self._link.do("Setvar", Channel=channel, Variable=pbx_names.MOVE, Value=move)
        await self._redirect(channel, "psap-transfer", "s")

    async def place(self, channel: str, priority: str, by: str) -> None:
        """Give a waiting caller another priority."""
        move = f"priority|{priority}||{by}||move"
        await self._link.do("Setvar", Channel=channel, Variable=pbx_names.MOVE, Value=move)
        await self._redirect(channel, "psap-transfer", "place")

    async def into_room(self, caller: str, leg: str) -> None:
        """Caller and call taker go from their conversation into a room, both at once (dialplan/talk.conf)."""
        await self._link.do("Setvar", Channel=leg, Variable=pbx_names.ROOM, Value=caller)
        await self._link.do(
            "Redirect",
            Channel=caller,
            Context=pbx_names.TALK,
            Exten="caller",
            Priority=1,
            ExtraChannel=leg,
            ExtraContext=pbx_names.TALK,
            ExtraExten="agent",
            ExtraPriority=1,
        )

    async def members(self, room: str) -> int:
        """How many sit in a call's room."""
        answers = await self._link.do("Getvar", Variable=f"CONFBRIDGE_INFO(parties,{room})")
        value = answers[0].get("Value", "")
        return int(value) if value.isdigit() else 0

    async def ring_in(self, dial: str, channel_id: str, shown: str, ring_seconds: float) -> None:
        """Ring somebody; lifted, they enter the room that their channel id names."""
        await self._link.do(
            "Originate",
            Channel=dial,
            Context=pbx_names.TALK,
            Exten="join",
            Priority=1,
            Timeout=round((ring_seconds + RING_NET) * 1000),
            CallerID=f"<{shown}>",
            ChannelId=channel_id,
            Async="true",
        )

    async def spy(self, dial: str, channel_id: str, spied: str, mode: str, ring_seconds: float) -> None:
        """Ring a telephone; lifted, it listens to a channel (dialplan/spy.conf)."""
        await self._link.do(
            "Originate",
            Channel=dial,
            Context=pbx_names.SPY,
            Exten=mode,
            Priority=1,
            Timeout=round(ring_seconds * 1000),
            CallerID='"112" <112>',
            Variable=f"{pbx_names.SPIED}={spied}",
            ChannelId=channel_id,
            Async="true",
        )

    async def spy_otherwise(self, channel: str, mode: str) -> None:
        """Let a telephone that listens listen, or whisper, from now on."""
        await self._redirect(channel, pbx_names.SPY, mode)

    async def join_in(self, channel: str) -> None:
        """Let a telephone that listens enter the room of the call it listens to."""
        await self._redirect(channel, pbx_names.TALK, "join")

    async def hand_over(self, leg: str, who: Party, by: str) -> None:
        """An agent leaves the room to those who stay, and the call's story says so."""
        move = f"{who.kind}|{who.id}||{by}||warm"
        await self._link.do("Setvar", Channel=leg, Variable=pbx_names.MOVE, Value=move)
        await self._redirect(leg, pbx_names.TALK, "leave")

    async def _redirect(self, channel: str, context: str, exten: str) -> None:
        await self._link.do("Redirect", Channel=channel, Context=context, Exten=exten, Priority=1)

    async def call_back(self, phone: str, number: str, channel_id: str, ring_seconds: float) -> None:
        """Ring a telephone; lifted, it enters ``[psap-callback]``, which dials what ``allow_dial`` wrote.

        Asterisk makes no second channel of the same id while the first one lives.
        """
        await self._link.do(
            "Originate",
            Channel=f"PJSIP/{phone}",
            Context=pbx_names.CALL_BACK,
            Exten="s",
            Priority=1,
            Timeout=round(ring_seconds * 1000),
            CallerID=f'"Telepon balik" <{number}>',
            ChannelId=channel_id,
            Async="true",
        )

    async def train(self, phone: str, channel_id: str, number: str, script: str) -> None:
        """Ring a trainee's telephone for a simulated caller; ``script`` is ``CALLER|LINES``."""
        await self._link.do("DBPut", Family=pbx_names.TRAINING, Key=channel_id, Val=script)
        await self._link.do(
            "Originate",
            Channel=f"PJSIP/{phone}",
            Context=pbx_names.TRAINING,
            Exten="s",
            Priority=1,
            Timeout=30_000,
            CallerID=f'"Latihan" <{number}>',
            ChannelId=channel_id,
            Async="true",
        )

    async def channels(self) -> set[str]:
        """Uniqueids of every channel that lives."""
        return {row["Uniqueid"] for row in await self.channel_rows()}

    async def channel_rows(self) -> list[Headers]:
        """Every channel that lives, as Asterisk shows it."""
        rows = await self._link.do("CoreShowChannels", timeout=10.0)
        return [row for row in rows if row.get("Event") == "CoreShowChannel" and "Uniqueid" in row]

    async def back_from_talk(self, channel: str) -> None:
        """Send a caller (by Uniqueid) out of a conversation that has nobody else in it any more."""
        await self._link.do("Redirect", Channel=channel, Context="psap-after", Exten="s", Priority=1)

    async def end_dead(self, channel: str, why: str) -> None:
        """End a call taker's leg (by Uniqueid) whose far end is dead; its caller goes back in front.

        Not by sending the caller somewhere: app_queue would hold the conversation for going on, and
        ring this call taker for nobody else, until that caller hangs up one day.
        """
        await self._link.do("Setvar", Channel=channel, Variable=pbx_names.DEAD, Value=why)
        await self._link.do("Hangup", Channel=channel, Cause=31)  # not 16: nobody wished it

    async def allow_dial(self, channel_id: str, number: str) -> None:
        """Let one call-back dial once: the dialplan takes this entry out as it dials."""
        await self._link.do(
            "DBPut", Family=pbx_names.CALL_BACK_TOKEN, Key=channel_id, Val=number, timeout=2.0
        )

    async def forbid_dial(self, channel_id: str) -> bool:
        """Never let this call-back dial; False: the entry was taken already, so it did or does dial."""
        try:
            await self._link.do("DBDel", Family=pbx_names.CALL_BACK_TOKEN, Key=channel_id, timeout=2.0)
        except RefusedError:
            return False
        return True

    async def born(self) -> str:
        """When this Asterisk was started, as it says so itself; "" where it does not tell."""
        try:
            answer = (await self._link.do("CoreStatus"))[0]
        except LinkError:
            return ""
        return f"{answer.get('CoreStartupDate', '')} {answer.get('CoreStartupTime', '')}".strip()

    async def first_row(self, phone: str) -> None:
        """Undo what dialplan/leg.conf did to somebody who did not come to the telephone: here he is."""
        with contextlib.suppress(RefusedError):  # logged out meanwhile
            await self._link.do("QueuePenalty", Queue=QUEUE, Interface=f"PJSIP/{phone}", Penalty=0)

    async def has_contact(self, phone: str) -> bool:
        """Whether a telephone is registered now."""
        answers = await self._link.do("Getvar", Variable=f"PJSIP_DIAL_CONTACTS({phone})")
        return bool(answers[0].get("Value"))  # an empty one is no header at all to panoramisk

    async def stop_ringing(self, agent: Agent, only: str | None = None) -> None:
        """End the rings at an agent's telephones, or ``only`` at that one; the caller goes on to the next.
        Never a conversation, also not one outside the queue (a call-back) beside which a telephone rings."""
        if agent.ringing and not agent.talking and agent.device is not Device.IN_USE:
            for each in agent.telephones:
                if only not in (None, each.name):
                    continue
                with contextlib.suppress(RefusedError):  # it ended by itself
                    # not 16, a normal end: answered in this very moment, its caller goes back in front
                    await self._link.do("Hangup", Channel=f"/^PJSIP\\/{each.name}-/", Cause=31)

    async def spoke(self, channel: str, word: str) -> None:
        """Tell the gate what is heard of its caller: ``1`` speech, ``talking``, ``quiet``."""
        await self._link.do("Setvar", Channel=channel, Variable=pbx_names.SPOKE, Value=word)

    async def heard(self, channel: str, keys: str) -> None:
        """Tell the gate every key that its caller pressed so far (``s`` is star, ``h`` is hash)."""
        await self._link.do("Setvar", Channel=channel, Variable=pbx_names.HEARD, Value=keys)

    async def set_global(self, name: str, value: str) -> None:
        """Write a global variable of the dialplan."""
        await self._link.do("Setvar", Variable=name, Value=value)

    async def stop_recording(self, channel: str) -> None:
        """End a channel's recording, named by its Uniqueid; the call goes on."""
        with contextlib.suppress(RefusedError):  # it is not recorded, or gone
            await self._link.do("StopMixMonitor", Channel=channel)

    async def packets_received(self, channel: str) -> int | None:
        """RTP packets that a channel received so far; None where Asterisk cannot tell."""
        try:
            answers = await self._link.do("Getvar", Channel=channel, Variable="CHANNEL(rtcp,rxcount)")
        except LinkError:
            return None
        value = answers[0].get("Value", "")
        return int(value) if value.isdigit() else None

    async def nudge(self, channel: str) -> None:
        """Let app_queue look at a waiting caller (by Uniqueid) now: as if a key that leads nowhere came."""
        await self._link.do(
            "PlayDTMF", Channel=channel, Digit=NUDGE, Duration=NUDGE_MS, Receive="true", timeout=1.0
        )

    async def queue_rows(self) -> list[Headers]:
        """The queue's members and callers, as QueueStatus tells them."""
        return await self._link.do("QueueStatus", Queue=QUEUE, timeout=10.0)

    async def reload_phones(self) -> None:
        """Let pjsip read its file of phones again; calls go on."""
        await self._link.do("Reload", Module="res_pjsip.so")

    async def tree(self, family: str) -> dict[str, str]:
        """An AstDB family: key -> value."""
        answers = await self._link.do("DBGetTree", Family=family, timeout=30.0)
        start = f"/{family}/"
        return {
            row["Key"].removeprefix(start): row.get("Val", "")
            for row in answers
            if row.get("Event") == "DBGetTreeResponse" and row.get("Key", "").startswith(start)
        }

    async def write_tree(self, family: str, put: dict[str, str], delete: list[str]) -> tuple[int, int]:
        """Write and delete AstDB entries in one pipeline; (written, deleted) asked for."""
        actions: list[tuple[str, Headers]] = [
            ("DBPut", {"Family": family, "Key": key, "Val": value}) for key, value in put.items()
        ]
        actions += [("DBDel", {"Family": family, "Key": key}) for key in delete]
        if actions:
            # deleting what is not there is refused, and is what we want
            await self._link.bulk(actions)
        return len(put), len(delete)
