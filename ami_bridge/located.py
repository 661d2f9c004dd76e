"""The command by which the console hands on where a caller's telephone says that it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError

from ami_bridge.commands import Method, Params, must
from psap.calls.model import Location, LocationSource
from psap.calls.service import Following
from psap.calls.tracking import Tracker
from psap.platform.control import ControlError


class Located:
    """``call.locate``: a shared location becomes part of its call, in progress or over."""

    def __init__(
        self, following: Following, find: Callable[[str], Awaitable[tuple[Tracker, str | None]]]
    ) -> None:
        self._following = following
        self._find = find

    def methods(self) -> dict[str, Method]:
        return {"call.locate": self.locate}

    async def locate(self, params: Params) -> dict[str, Any]:
        """``{call_id, latitude, longitude, radius_m}`` -> Call."""
        tracker, _ = await self._find(must(params, "call_id", longest=64))
        try:
            location = Location(
                latitude=params.get("latitude"),
                longitude=params.get("longitude"),
                radius_m=params.get("radius_m"),
                source=LocationSource.SHARED,
                at=self._following.clock.now_us(),
            )
        except ValidationError:
            raise ControlError("bad_request", "latitude, longitude, radius_m are not a place") from None
        self._following.locate(tracker, location)
        return tracker.call.model_dump(mode="json")
