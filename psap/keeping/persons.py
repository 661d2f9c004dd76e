"""One person's data: handed over (export) or taken out (erasure), UU PDP 27/2022."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

from psap.agencies.model import Profile
from psap.keeping import person_store as store
from psap.keeping import staff_store
from psap.keeping.person import Identity, Verdict, identity, judge
from psap.platform import sqlite
from psap.platform.audit import Action, number_subject, write_audit
from psap.platform.clock import Clock, rfc3339
from psap.platform.database import Database
from psap.platform.hot import Hot, HotAwayError
from psap.platform.settings import Settings, load_secrets
from psap.recordings import store as recording_store
from psap.recordings.service import Shelf

ERASED = "erased.jsonl"  # in the home: keyed hashes of who was erased, for a restored backup
SECRET_COLUMNS = {"idempotency_key", "idempotency_body"}


class Persons:
    """Of one home."""

    def __init__(self, settings: Settings, database: Database, profile: Profile, clock: Clock) -> None:
        self._settings, self._database, self._profile, self._clock = settings, database, profile, clock
        self._secret = load_secrets(settings.home).audit
        self._shelf = Shelf(settings, database, profile, clock)

    def who(self, number: str) -> Identity:
        """The person behind a number as somebody writes it."""
        found = identity(number, self._profile.area_code, "")
        subject = number_subject(self._secret, found.key or number.strip())
        return Identity(found.key, found.spellings, subject)

    async def export(self, who: Identity, *, actor: str) -> dict[str, Any]:
        """Everything that is stored about a person, JSON-ready. Audited."""
        async with self._database.read() as connection:
            found = await store.everything(connection, self._profile.site, who)
        counts = {name: len(rows) for name, rows in found.items()}
        await self._audit(Action.PERSON_EXPORTED, who, actor, counts)
        return {
            "site": self._profile.site,
            "exported_at": rfc3339(self._clock.now_us()),
            "numbers": sorted(who.spellings),
            "counts": counts,
            **{name: [_readable(row) for row in rows] for name, rows in found.items()},
        }

    async def export_staff(self, username: str, *, actor: str) -> dict[str, Any] | None:
        """Everything that is stored about an account, JSON-ready; None: there is none. Audited."""
        site, now = self._profile.site, self._clock.now_us()
        async with self._database.read() as connection:
            found = await staff_store.everything_of(connection, site, username)
        if not found["users"]:
            return None
        counts = {name: len(rows) for name, rows in found.items()}
        async with self._database.write() as connection:
            await write_audit(
                connection,
                site=site,
                at=now,
                actor=actor,
                action=Action.PERSON_EXPORTED,
                subject=found["users"][0]["id"],
                detail=counts,
            )
        told = {name: [_readable(row) for row in rows] for name, rows in found.items()}
        return {"site": site, "exported_at": rfc3339(now), "account": username, "counts": counts, **told}

    async def examine(self, who: Identity) -> Verdict:
        """What an erasure would change and what would stay. Changes nothing."""
        async with self._database.read() as connection:
            found = await store.everything(connection, self._profile.site, who)
        return judge(found, self._clock.now_us())

    async def erase(self, who: Identity, *, actor: str, reason: str) -> tuple[Verdict, dict[str, int]]:
        """Take a person out of every row that may change; (verdict, places changed). One transaction.

        Beside the database: Asterisk's ledger (the digits are crossed out where they stand, so that
        no place in it moves) and the stream of events.
        """
        site, now = self._profile.site, self._clock.now_us()
        pseudonym = f"x{secrets.token_hex(8)}"
        async with self._database.write() as connection:
            verdict = judge(await store.everything(connection, site, who), now)
            goes = {name: [row["id"] for row in rows] for name, rows in verdict.goes.items()}
            # a voice is the person: file first, so that none is left without a row
            sounds = [recording_store.of_row(row) for row in verdict.goes["recordings"]]
            self._shelf.take_away(sounds)
            await recording_store.drop(connection, site, sounds)
            done = {
                "recordings": len(sounds),
                "calls": await store.erase_calls(connection, goes["calls"]),
                "missed": await store.erase_missed(connection, goes["missed"]),
                "marks": await store.erase_marks(connection, goes["marks"], pseudonym),
                "blocks": await store.erase_blocks(connection, goes["blocks"], pseudonym),
                "incidents": await store.erase_incidents(connection, verdict.goes["incidents"], now),
            }
            await write_audit(
                connection,
                site=site,
                at=now,
                actor=actor,
                action=Action.PERSON_ERASED,
                subject=who.subject,
                detail={"reason": reason[:200], **done},
            )
        path = sqlite.path_of(self._settings.effective_database_url)
        if path is not None:
            sqlite.scrub(path)
        if not verdict.stays.get(("calls", "in_progress")):
            done["ledger"] = cross_out(self._settings.pbx / "log", who.spellings)
        done["events"] = await self._forget_events(who)
        self._remember(who, now)
        return verdict, done

    async def erase_again(self, *, actor: str) -> int:
        """After a restore: erase once more who was erased since the backup; how many persons."""
        path = self._settings.home / ERASED
        if not path.exists():
            return 0
        wanted = {
            json.loads(line)["subject"] for line in path.read_text("utf-8").splitlines() if line.strip()
        }
        async with self._database.read() as connection:
            keys = await store.keys(connection, self._profile.site)
        back = [key for key in sorted(keys) if number_subject(self._secret, key) in wanted]
        for key in back:
            await self.erase(
                self.who(f"+{key}" if len(key) > 8 else key), actor=actor, reason="restored backup"
            )
        return len(back)

    async def _audit(self, action: Action, who: Identity, actor: str, detail: dict[str, Any]) -> None:
        async with self._database.write() as connection:
            await write_audit(
                connection,
                site=self._profile.site,
                at=self._clock.now_us(),
                actor=actor,
                action=action,
                subject=who.subject,
                detail=detail,
            )

    async def _forget_events(self, who: Identity) -> int:
        hot = Hot(self._settings.effective_redis_url)
        try:
            return await hot.forget(who.spellings)
        except HotAwayError:
            return 0  # the stream holds some minutes and is not kept for anything
        finally:
            await hot.close()

    def _remember(self, who: Identity, at: int) -> None:
        path = self._settings.home / ERASED
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": rfc3339(at), "subject": who.subject}) + "\n")
        path.chmod(0o600)


def cross_out(folder: Path, spellings: frozenset[str]) -> int:
    """Write x over a number wherever it stands in Asterisk's ledger; how many places.

    Length and place of everything stay as they are, so whoever reads or appends notices nothing.
    """
    words = sorted((word for word in spellings if len(word) >= 7), key=len, reverse=True)
    if not words:
        return 0
    any_of = "|".join(re.escape(word) for word in words)
    pattern = re.compile(rf"(?<![0-9])(?:{any_of})(?![0-9])".encode())
    count = 0
    for path in [*folder.glob("cel-custom/psap.csv*"), *folder.glob("queue_log*"), *folder.glob("cdr*/*")]:
        if not path.is_file():
            continue
        with path.open("r+b") as file:
            place = 0
            for line in file:
                for found in pattern.finditer(line):
                    with path.open("r+b") as other:
                        other.seek(place + found.start())
                        other.write(b"x" * len(found.group()))
                    count += 1
                place += len(line)
    return count


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a person: times as text, nothing of our own machinery."""
    return {
        name: rfc3339(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in row.items()
        if name not in SECRET_COLUMNS
    }
