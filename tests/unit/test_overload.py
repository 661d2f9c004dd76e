"""What the desk is told of a full gate, and for how long."""

from __future__ import annotations

from ami_bridge.overload import COUNTED, SHOWN, Overload

REFUSED = {"Event": "UserEvent", "UserEvent": "PsapPolicy", "Decision": "overload"}


def test_a_full_gate_is_said_and_soon_forgotten() -> None:
    now = [1000.0]
    watch = Overload(lambda: now[0])
    assert watch.complaint() is None
    for _ in range(812):
        watch.listen(REFUSED)
    said = watch.complaint()
    assert said is not None
    assert (said.part, said.state) == ("asterisk", "degraded")
    assert "812" in said.id
    assert "812" in said.en
    now[0] += SHOWN + 0.1
    assert watch.complaint() is None
    now[0] += COUNTED
    watch.listen(REFUSED)
    again = watch.complaint()
    assert again is not None
    assert "1 calls" in again.en  # a minute ago is not now


def test_a_number_that_holds_its_calls_is_no_trouble_of_ours() -> None:
    watch = Overload()
    watch.listen(REFUSED | {"Decision": "too_many"})
    watch.listen(REFUSED | {"Decision": "pass"})
    watch.listen({"Event": "Newchannel", "Decision": "overload"})
    assert watch.complaint() is None
