"""The one table of parts: what it means when one is away, and how to mend it, in two languages.

`./112 status`, the console's `GET /api/v1/state` and the page's banner all speak from here. The
first sentence is for call takers: what still works. The second is for whoever mends.
"""

# ruff: noqa: E501 - sentences
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psap.platform.troubles import Trouble


@dataclass(frozen=True, slots=True)
class Words:
    """``calm``: what it means for callers and call takers. ``mend``: what to do. (Indonesian, English)."""

    calm: tuple[str, str]
    mend: tuple[str, str]


WORDS: dict[str, Words] = {
    "asterisk": Words(
        (
            "Pusat telepon (Asterisk) tidak menjawab: panggilan baru mungkin tidak masuk.",
            "The telephone exchange (Asterisk) does not answer: new calls may not come in.",
        ),
        (
            "Yang berhenti dihidupkan ulang sendiri dalam 45 detik; selain itu lihat log/asterisk.log, lalu ./112 down dan ./112 up.",
            "A stopped one is restarted by itself within 45 s; else see log/asterisk.log, then ./112 down and ./112 up.",
        ),
    ),
    "ami": Words(
        (
            "Sambungan ke pusat telepon (AMI) terputus: panggilan tetap masuk ke telepon meja, layar tertinggal.",
            "The link to the exchange (AMI) is lost: calls still reach the desk phones, the screen lags.",
        ),
        (
            "Dicoba lagi sendiri; lihat log/ami_bridge.log bila lebih dari satu menit.",
            "It is tried again by itself; see log/ami_bridge.log if it takes more than a minute.",
        ),
    ),
    "agi": Words(
        (
            "Gerbang panggilan (agi) tidak menjawab: penelepon langsung diteruskan ke petugas.",
            "The gate (agi) does not answer: callers go straight through to call takers.",
        ),
        ("Dihidupkan ulang sendiri; lihat log/agi.log.", "It is restarted by itself; see log/agi.log."),
    ),
    "ami_bridge": Words(
        (
            "Penghubung telepon (ami_bridge) terputus: panggilan tetap masuk ke telepon meja, dan dicatat kemudian.",
            "The bridge (ami_bridge) is away: calls still reach the desk phones and are recorded later.",
        ),
        (
            "Dihidupkan ulang sendiri; lihat log/ami_bridge.log.",
            "It is restarted by itself; see log/ami_bridge.log.",
        ),
    ),
    "console": Words(
        (
            "Halaman meja (console) tidak menjawab: panggilan tetap masuk ke telepon meja.",
            "The desk page (console) does not answer: calls still reach the desk phones.",
        ),
        (
            "Dihidupkan ulang sendiri; lihat log/console.log.",
            "It is restarted by itself; see log/console.log.",
        ),
    ),
    "redis": Words(
        (
            "Penyimpan cepat (Redis) terputus: layar bertanya berkala, panggilan dan laporan tidak terganggu.",
            "The hot store (Redis) is away: screens poll, calls and reports are not affected.",
        ),
        ("Dihidupkan ulang sendiri; lihat log/redis.log.", "It is restarted by itself; see log/redis.log."),
    ),
    "database": Words(
        (
            "Basis data tidak menjawab: panggilan tetap berjalan, catatan disimpan dan ditulis kemudian.",
            "The database does not answer: calls go on, records are kept and written later.",
        ),
        (
            "Periksa ruang disk dan psap.db, atau server PostgreSQL (./112 doctor, ./112 db show); tulisan yang tertunda ada di spool/.",
            "Check disk space and psap.db, or the PostgreSQL server (./112 doctor, ./112 db show); what waits to be written is in spool/.",
        ),
    ),
    "disk": Words(
        (
            "Ruang disk hampir habis: panggilan tetap berjalan.",
            "Disk space is running out: calls go on.",
        ),
        ("Kosongkan ruang (./112 doctor).", "Free some space (./112 doctor)."),
    ),
    "watchdog": Words(
        (
            "Penjaga proses (watchdog) tidak berjalan: proses yang macet tidak dihidupkan ulang sendiri.",
            "The watchdog does not run: a part that hangs is not restarted by itself.",
        ),
        ("Lihat log/watchdog.log.", "See log/watchdog.log."),
    ),
}

# what a part that is there complains of, known by a word of the complaint's detail: the table's words are
# for what is away, and its advice (`./112 down`) would cut who talks
LESSENED: dict[str, tuple[str, str]] = {
    "draining: ": (
        "Biarkan selesai, percakapan tidak diputus; ./112 drain --cancel menerima panggilan baru lagi.",
        "Let it finish, no conversation is cut; ./112 drain --cancel takes new calls again.",
    ),
    "profile [limits] ": (
        "Lebih banyak petugas siap; batasnya [limits] di profil.",
        "More call takers ready; the ceiling is [limits] in the profile.",
    ),
}

KEPT = frozenset({"asterisk", "agi", "ami_bridge", "console", "redis", "watchdog"})

WRONG_SECRET = (
    "Asterisk menolak kata sandi AMI milik ami_bridge: secrets.json dan asterisk/etc/manager.conf berbeda. "
    "Jalankan ./112 down lalu ./112 up.",
    "Asterisk refuses the bridge's AMI password: secrets.json and asterisk/etc/manager.conf differ. "
    "Run ./112 down, then ./112 up.",
)


def trouble(part: str, state: Literal["degraded", "down"], detail: str) -> Trouble:
    """A complaint about a part in the table's words."""
    words = WORDS.get(part)
    if words is None:
        return Trouble(part, state, f"{part}: {detail}", f"{part}: {detail}", detail)
    return Trouble(part, state, words.calm[0], words.calm[1], detail)


def ami(detail: str, *, refused: bool) -> Trouble:
    """The bridge's link to Asterisk is down; a wrong password is told apart from an absence."""
    if refused:
        return Trouble("ami", "down", *WRONG_SECRET, detail)
    return trouble("ami", "down", detail)


NOT_RUNNING = "112 tidak berjalan di sini: ./112 up / 112 does not run here: ./112 up"
NOT_RUNNING_OUTSIDE = (
    "112 tidak berjalan di sini: systemctl start psap112.target, atau docker compose up -d / "
    "112 does not run here: systemctl start psap112.target, or docker compose up -d"
)


def mend(part: str, *, outside: bool = False, detail: str = "") -> str | None:
    """How to mend a part, both languages in a line; None: nothing is known.

    ``outside``: systemd or containers keep the parts, and hold their logs. ``detail``: the complaint's.
    """
    for word, both in LESSENED.items():
        if word in detail:
            return " / ".join(both)
    words = WORDS.get(part)
    if outside and part in KEPT:
        unit = part.replace("_", "-")
        log = f"journalctl -u psap112-{unit}, docker compose logs {part}"
        return f"Dihidupkan ulang sendiri; lihat {log} / It is restarted by itself; see {log}"
    return " / ".join(words.mend) if words else None
