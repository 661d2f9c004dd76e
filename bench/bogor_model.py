"""The same hours as a discrete-event simulation (simpy): callers, queue and call takers by our own rules.

Seconds here are those of the run: a replay at ten times the speed has a tenth of each wait, but for what has
a floor (a ring of 3 s, whole seconds of a wrap-up) or does not scale (a second before the overflow gives up).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from bench.bogor_day import LEAVES, SILENT, Arrival, breaks, pick_up, talk_of
from psap.agencies.model import OverflowKind, Profile
from psap.pbx.render import SHORTEST_RING_SECONDS, scaled
from psap.platform.settings import Settings

Steps = Generator[simpy.Event, Any, None]
NORMAL, HIGH = 10, 20
ANSWERED, ABANDONED, LEFT_GATE, NO_RESPONSE, OPEN = "answered", "abandoned", "left the gate", "silent", "open"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the centre does, in seconds of the run. ``pace``: a free call taker to the next ring."""

    speed: float
    hours: float
    wrapup: int
    ring: float
    longest_wait: float
    overflow_ring: float
    back: float = 1.0  # dialplan/overflow.conf: where there was nothing to ring
    pace: float = 0.02  # ami_bridge/nudging.py; 1.0 is app_queue's own
    key: float = 0.1  # a key pressed to the place in the queue
    entry: float = 0.1  # a call answered to the queue, for who was cut off before
    connect: float = 0.05  # a receiver lifted to a voice
    goodbye: float = 0.1  # the end of a talk to the telephone being free

    @classmethod
    def of(cls, settings: Settings, profile: Profile, speed: float, hours: float) -> Rules:
        """As Asterisk's files are written (psap/pbx/render.py).

        Raises:
            ValueError: a profile whose overflow goes elsewhere than to the call takers' own telephones.
        """
        queue = profile.queue
        away = [
            each.kind
            for each in queue.overflow
            if each.kind not in (OverflowKind.ALL_PHONES, OverflowKind.DUTY)
        ]
        first = next((each for each in queue.overflow if each.kind is OverflowKind.ALL_PHONES), None)
        if away or first is None or queue.strategy != "leastrecent":
            raise ValueError(
                f"the model knows leastrecent and an overflow to all telephones only, not {away}"
            )
        return cls(
            speed, hours, scaled(settings, queue.wrapup_seconds),
            scaled(settings, queue.ring_seconds, SHORTEST_RING_SECONDS),
            scaled(settings, queue.longest_wait_seconds),
            scaled(settings, first.seconds, SHORTEST_RING_SECONDS),
        )  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What became of one call, replayed or simulated. Seconds of the day; ``wait`` from the queue's door."""

    at: float
    kind: str
    end: str
    wait: float | None = None
    talk: float | None = None
    again: bool = False  # somebody who gave up before, and calls again
    overflowed: bool = False


@dataclass(eq=False, slots=True)
class Waiter:
    """One caller's stay in the queue."""

    priority: int
    number: int
    taken: simpy.Event  # a call taker (its value) lifted the receiver
    unrung: simpy.Event  # the ring came to nothing
    ringing: bool = False
    gone: simpy.Event | None = None


@dataclass(eq=False, slots=True)
class Taker:
    """One call taker. ``ready``: the wrap-up's end; ``rung`` by queue or overflow."""

    name: int
    paused: bool = False
    talking: bool = False
    rung: bool = False
    ready: float = 0.0
    last_call: float = -1.0
    stop: simpy.Event | None = None


@dataclass(slots=True)
class Centre:
    """One run of the model."""

    rules: Rules
    draw: random.Random
    env: simpy.Environment = field(default_factory=simpy.Environment)
    takers: list[Taker] = field(default_factory=list)
    line: list[Waiter] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    phase: float = 0.0  # of the machine's second against the run's beginning
    count: itertools.count[int] = field(default_factory=itertools.count)

    # -- callers

    def caller(self, arrival: Arrival, *, again: bool = False) -> Steps:
        """One call, and the next one of somebody who tries again."""
        rules, env = self.rules, self.env
        outcome = Outcome(env.now * rules.speed, arrival.kind.name, OPEN, again=again)
        self.outcomes.append(outcome)
        if arrival.kind.name == LEAVES:
            outcome.end = LEFT_GATE
            return
        if arrival.kind.name == SILENT:
            outcome.end = NO_RESPONSE
            return
        yield env.timeout(rules.entry if again else arrival.acts_after / rules.speed + rules.key)
        yield from self._wait(arrival, outcome)
        if outcome.end == ABANDONED and arrival.redial_after is not None and not again:
            yield env.timeout(arrival.redial_after / rules.speed)
            env.process(self.caller(arrival, again=True))

    def _wait(self, arrival: Arrival, outcome: Outcome) -> Steps:
        rules, env = self.rules, self.env
        joined, priority = env.now, HIGH if arrival.kind.keys == "55" else NORMAL
        patience = env.timeout(arrival.patience / rules.speed)
        while True:
            waiter = Waiter(priority, next(self.count), env.event(), env.event(), gone=env.event())
            self.line.append(waiter)
            self.line.sort(key=lambda each: (-each.priority, each.number))
            self._look()
            longest = env.timeout(rules.longest_wait)
            yield waiter.taken | patience | longest
            while waiter.ringing and not (waiter.taken.triggered or patience.processed):
                waiter.unrung = env.event()
                yield waiter.taken | patience | waiter.unrung
            self.line.remove(waiter)
            if waiter.taken.triggered:
                found: Any = waiter.taken.value
                yield from self._talk(arrival, outcome, found, env.now - joined)
                return
            assert waiter.gone is not None
            waiter.gone.succeed()
            if patience.processed:
                outcome.end, outcome.wait = ABANDONED, (env.now - joined) * rules.speed
                return
            outcome.overflowed = True
            taker = yield from self._overflow(patience)
            if taker is not None:
                yield from self._talk(arrival, outcome, taker, env.now - joined, queued=False)
                return
            if patience.processed:
                outcome.end, outcome.wait = ABANDONED, (env.now - joined) * rules.speed
                return
            priority = HIGH

    def _talk(
        self, arrival: Arrival, outcome: Outcome, taker: Taker, wait: float, *, queued: bool = True
    ) -> Steps:
        rules, env = self.rules, self.env
        outcome.end, outcome.wait = ANSWERED, wait * rules.speed
        outcome.talk = talk_of(arrival.kind, self.draw)
        taker.talking, taker.rung = True, False
        yield env.timeout(rules.connect + outcome.talk / rules.speed + rules.goodbye)
        taker.talking = False
        if queued:  # app_queue counts whole seconds of the machine's clock
            taker.last_call = env.now
            taker.ready = math.floor(env.now + self.phase) + rules.wrapup - self.phase
        self._look_at(max(env.now, taker.ready))

    # -- the queue

    def _look_at(self, moment: float) -> None:
        """Let the queue look, its own pace after somebody became free."""
        pace = self.rules.pace if self.rules.pace < 0.5 else self.draw.uniform(0, self.rules.pace)

        def later() -> Steps:
            yield self.env.timeout(max(0.0, moment - self.env.now) + pace)
            self._look()

        self.env.process(later())

    def _look(self) -> None:
        """The first who wait are rung for at the free call takers, those longest without a call first."""
        free = [
            each for each in self.takers
            if not (each.paused or each.talking or each.rung) and self.env.now >= each.ready - 1e-9
        ]  # fmt: skip
        free.sort(key=lambda each: each.last_call)
        for waiter in self.line:
            if not free:
                return
            if not waiter.ringing and not waiter.taken.triggered:
                self.env.process(self._ring(waiter, free.pop(0)))

    def _ring(self, waiter: Waiter, taker: Taker) -> Steps:
        env = self.env
        waiter.ringing = taker.rung = True
        taker.stop = env.event()
        assert waiter.gone is not None
        lifted = env.timeout(pick_up(self.draw) / self.rules.speed)
        yield lifted | waiter.gone | taker.stop | env.timeout(self.rules.ring)
        waiter.ringing = taker.rung = False
        if lifted.processed and not waiter.gone.triggered and not taker.stop.triggered:
            taker.talking = True
            waiter.taken.succeed(taker)
            return
        if not waiter.unrung.triggered:
            waiter.unrung.succeed()
        self._look_at(env.now)

    def _overflow(self, patience: simpy.Event) -> Generator[simpy.Event, Any, Taker | None]:
        """Every telephone that is not in a conversation rings at once; whoever sits there may lift it."""
        env, rules = self.env, self.rules
        phones = [each for each in self.takers if not each.talking]
        if not phones:
            yield env.timeout(rules.back) | patience
            return None
        rung = [each for each in phones if not each.rung]
        for each in rung:
            each.rung = True
        lifts = {
            env.timeout(pick_up(self.draw) / rules.speed): each for each in rung if not each.paused
        }  # fmt: skip
        yield simpy.AnyOf(env, [*lifts, env.timeout(rules.overflow_ring), patience])
        taker = next((each for lift, each in lifts.items() if lift.processed and not each.talking), None)
        for each in rung:
            each.rung = False
        if taker is None or patience.processed:
            self._look_at(env.now)
            return None
        taker.talking = True
        self._look_at(env.now)
        return taker

    # -- the call takers' breaks

    def rest(self, taker: Taker, begin: float, end: float) -> Steps:
        """Paused in between; a telephone that rings then goes on ringing nowhere."""
        yield self.env.timeout(begin / self.rules.speed)
        taker.paused = True
        if taker.rung and taker.stop is not None and not taker.stop.triggered:
            taker.stop.succeed()
        yield self.env.timeout((end - begin) / self.rules.speed)
        taker.paused = False
        self._look_at(self.env.now)


def simulate(
    people: Sequence[Arrival],
    rules: Rules,
    seed: int,
    takers: int,
    rests: Sequence[tuple[float, float]] | None = None,
) -> list[Outcome]:
    """One replication: the same callers, other call takers. ``rests``: their breaks, where not the usual."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, no secret
    centre = Centre(rules, draw, phase=draw.random())
    centre.takers = [Taker(index) for index in range(takers)]
    rests = breaks(rules.hours) if rests is None else rests
    for taker, (begin, end) in zip(centre.takers, rests, strict=False):
        centre.env.process(centre.rest(taker, begin, end))

    def arrive() -> Steps:
        for each in people:
            yield centre.env.timeout(max(0.0, each.at / rules.speed - centre.env.now))
            centre.env.process(centre.caller(each))

    centre.env.process(arrive())
    centre.env.run()
    return centre.outcomes
