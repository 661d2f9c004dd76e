"""The simulated callers of ``prompts/training/callers.toml``."""

from __future__ import annotations

import functools
import tomllib

from pydantic import BaseModel, ConfigDict

from psap.platform.settings import ROOT
from psap.training.model import SimulatedCaller

PATH = ROOT / "prompts" / "training" / "callers.toml"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    callers: list[SimulatedCaller]


@functools.cache
def simulated_callers() -> dict[str, SimulatedCaller]:
    """Every simulated caller by id, in the file's order."""
    read = _File.model_validate(tomllib.loads(PATH.read_text("utf-8")))
    return {caller.id: caller for caller in read.callers}


def spoken_lines() -> dict[str, str]:
    """What has to be recorded: name of the recording -> text. A whisper is spoken as one."""
    return {
        f"{caller.id}-{number}": line.id
        for caller in simulated_callers().values()
        for number, line in enumerate(caller.lines, 1)
    }


def whispered() -> set[str]:
    """The recordings that are whispered."""
    return {
        f"{caller.id}-{number}"
        for caller in simulated_callers().values()
        if caller.kind == "whispers"
        for number in range(1, len(caller.lines) + 1)
    }
