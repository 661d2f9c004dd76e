"""An agent with two telephones: at most one is the queue's member, and both are the same person."""

from __future__ import annotations

from psap.queue.model import Agent, AgentState, Desk, Device, Kind, MemberGone, MemberSeen, PhoneSeen

DESK, WEB = "abc", "abcw"


def seen(phone: str, *, device: Device = Device.FREE, paused: bool = False) -> MemberSeen:
    return MemberSeen(1, phone, "agent1", device, paused, "sholat" if paused else None, 0, 0)


def desk() -> tuple[Desk, Agent]:
    made = Desk()
    made.load({DESK: ("agent1", "Petugas 1")}, 0)
    agent = made.agent("agent1")
    assert agent is not None
    return made, agent


def test_one_agent_by_both_names() -> None:
    made, agent = desk()
    assert made.agents() == [agent]
    assert made.owner(DESK) == made.owner(WEB) == "agent1"
    assert agent.shown()["telephone"] is None
    assert (agent.phone, agent.registered, agent.member) == (DESK, False, False)
    made.load({DESK: ("agent1", "Petugas Satu")}, 5)
    assert made.agents() == [agent]
    assert agent.name == "Petugas Satu"
    made.load({}, 6)
    assert made.agents() == []


def test_a_desk_phone_that_is_not_registered_is_a_member_as_ever() -> None:
    made, agent = desk()
    made.apply(seen(DESK, device=Device.AWAY))
    assert agent.state is AgentState.READY
    assert (agent.shown()["telephone"], agent.shown()["phone_registered"]) == ("desk", False)


def test_the_browser_counts_while_it_is_there_and_nothing_else_is_the_member() -> None:
    made, agent = desk()
    made.apply(PhoneSeen(1, WEB, Device.FREE))
    assert (agent.phone, agent.shown()["telephone"]) == (WEB, "browser")
    made.apply(seen(DESK))
    assert agent.phone == DESK
    made.apply(MemberGone(2, DESK))
    made.apply(seen(WEB, paused=True))
    assert (agent.phone, agent.state, agent.reason) == (WEB, AgentState.PAUSED, "sholat")
    assert agent.browser is not None
    agent.browser.open = False  # no tab is it, whatever is still registered
    assert not agent.registered
    agent.joined(agent.desk)
    assert [each.member for each in agent.telephones] == [True, False]


def test_a_call_at_either_telephone_is_the_agents() -> None:
    made, agent = desk()
    made.apply(seen(WEB))
    assert made.free() == 1
    made.call_moved(WEB, 2, "call", AgentState.TALKING)
    assert (agent.state, agent.call_id, made.free()) == (AgentState.TALKING, "call", 0)
    made.call_moved(WEB, 3, None, AgentState.READY)
    made.apply(PhoneSeen(4, DESK, Device.IN_USE))  # a call-back on the desk phone
    assert agent.state is AgentState.TALKING
    assert made.free() == 0


def test_who_was_heard_of_by_the_browsers_name_first_is_the_same_person() -> None:
    made = Desk()
    made.apply(seen(WEB))
    made.load({DESK: ("agent1", "Petugas 1")}, 2)
    (agent,) = made.agents()
    assert agent.browser is not None
    assert (agent.browser.kind, agent.browser.member, agent.phone) == (Kind.BROWSER, True, WEB)
