"""A telephone in the public network: the duty number, a neighbouring centre, dialled through the trunk."""

from __future__ import annotations

from psap.sip import audio
from psap.sip.media import Media
from psap.sip.phone import DeskPhone
from psap.sip.sipp import Lines


class Outside(DeskPhone):
    """Takes calls to ``number`` at the carrier's side (``Lines`` at PSAP_TRUNK_PROXY); it never registers."""

    def __init__(
        self,
        lines: Lines,
        number: str,
        *,
        answer_after: float | None = None,
        talk: float | None = None,
        sound: audio.Clip | None = None,
    ) -> None:
        super().__init__(lines, number, "", answer_after=answer_after, talk=talk, sound=sound)

    async def plug_in(self) -> None:
        self.media = await Media.open(self.lines.address)
        self.media.background = self._sound
        self.lines.on_invite[self.username] = self._invited

    async def register(self, expires: int) -> None:
        """A telephone of the public network is not one of ours."""
