"""Rotation: pieces count up, what is read next is never deleted, a wrong clock deletes nothing young."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from ami_bridge.books import Books
from ami_bridge.rotation import MESSAGES, Bounds, Rotation, began, cut, due, spent

DAY = 86_400.0
NOW = 1_795_343_254.0
CEL_LINE = (
    '"CHAN_START","1795343254.331730","semarang-1795343254.0","semarang-1795343254.0","PJSIP/trunk-1"\n'
)
SMALL = Bounds(piece_bytes=50, piece_seconds=DAY, keep_seconds=14 * DAY, keep_pieces=3, most_bytes=10_000)


def books(folder: Path) -> Books:
    made = Books(folder)
    made.cel.path.parent.mkdir(parents=True)
    return made


def test_when_a_file_began_is_read_from_its_first_line() -> None:
    assert began(CEL_LINE) == NOW
    assert began("1795343254|NONE|NONE|NONE|QUEUESTART|") == NOW
    assert began("[2026-11-22T10:27:34.000+0000] WARNING[1]: x") == NOW
    assert began("something else") is None
    assert began("[not a time at all...] x") is None


def test_a_file_is_cut_when_it_is_long_or_old(tmp_path: Path) -> None:
    book = books(tmp_path).cel
    assert not due(book, SMALL, NOW)
    book.path.write_text(CEL_LINE)
    assert due(book, SMALL, NOW)
    roomy = Bounds(piece_bytes=10_000, piece_seconds=DAY)
    assert not due(book, roomy, NOW + DAY - 5)
    assert due(book, roomy, NOW + DAY + 5)


def test_pieces_count_up_also_beside_what_asterisk_rotated_itself(tmp_path: Path) -> None:
    book = books(tmp_path).queue
    names = []
    for _ in range(2):
        book.path.write_text("x\n")
        names.append(cut(book).name)
    book.path.with_name("queue_log.1795343254").write_text("y\n")
    book.path.write_text("x\n")
    names.append(cut(book).name)
    assert names == ["queue_log.000001", "queue_log.000002", "queue_log.1795343255"]
    assert [piece.name for piece in book.rotated()] == [*names[:2], "queue_log.1795343254", names[2]]


def test_only_old_and_superfluous_pieces_go_and_none_that_is_still_to_be_read(tmp_path: Path) -> None:
    book = books(tmp_path).cel
    for age in (40, 30, 20, 16, 2, 1):
        book.path.write_text("x\n")
        os.utime(cut(book), (NOW - age * DAY, NOW - age * DAY))
    pieces = book.rotated()
    assert spent(book, SMALL, NOW, None) == pieces[:3]
    assert spent(book, SMALL, NOW, pieces[1]) == pieces[:1]
    # set forward by a year: as many pieces as days stay
    assert spent(book, SMALL, NOW + 365 * DAY, None) == pieces[:3]
    # a flood: too much at once goes, oldest first
    assert spent(book, Bounds(keep_pieces=99, most_bytes=7), NOW, None) == pieces[:3]


class Asked:
    """Asterisk's side: it hears the wish, and opens nothing anew."""

    up = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def do(self, name: str, *, Module: str) -> None:  # noqa: N803 - AMI's word
        assert name == "Reload"
        self.asked.append(Module)


async def test_the_duty_cuts_reloads_and_tries_again_where_asterisk_did_not_listen(tmp_path: Path) -> None:
    made = books(tmp_path)
    for path in (made.cel.path, made.queue.path, tmp_path / MESSAGES):
        path.write_text(CEL_LINE)
    link = Asked()
    duty = Rotation(made, tmp_path, link, structlog.get_logger(), SMALL)
    await duty.work()
    assert [piece.name for piece in made.cel.rotated()] == ["psap.csv.000001"]
    assert not made.queue.rotated()
    assert not link.asked
    link.up = True
    await duty.work()
    assert [piece.name for piece in made.queue.rotated()] == ["queue_log.000001"]
    await duty.work()
    assert link.asked == ["logger"] * 2
    for path in (made.queue.path, tmp_path / MESSAGES):
        path.write_text("1795343254|opened anew\n")
    await duty.work()
    assert link.asked == ["logger"] * 2
