"""The ledger's place: known by a piece's first line, so rotation, chunks and half lines change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.books import Book, Books, Place

LINES = [f"line {number} of the ledger" for number in range(12)]


def rotate(book: Book) -> None:
    number = len(book.rotated()) + 1
    book.path.rename(book.path.with_name(f"{book.path.name}.{number:06d}"))


def write(book: Book, text: str) -> None:
    book.path.parent.mkdir(parents=True, exist_ok=True)
    with book.path.open("a") as file:
        file.write(text)


def everything(book: Book, place: Place) -> list[str]:
    reader = book.reader(place)
    found: list[str] = []
    while lines := reader.more():
        found += lines
    reader.close()
    return found


@settings(max_examples=150, deadline=None)
@given(
    place=st.integers(0, len(LINES)),
    rotations=st.sets(st.integers(0, len(LINES) - 1)),
    half=st.integers(0, 5),
    data=st.data(),
)
def test_reading_on_gives_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, place: int, rotations: set[int], half: int, data: st.DataObject
) -> None:
    book = Book(tmp_path_factory.mktemp("book") / "psap.csv")
    start, reader, read = Place(), None, []
    looks = data.draw(st.sets(st.integers(0, len(LINES))))
    for number, line in enumerate(LINES):
        if number == place:
            start = book.end()
            reader = book.reader(start)
        if number in looks and reader is not None:
            read += reader.more()
        write(book, line[:half])
        if number in looks and reader is not None:
            read += reader.more()
        write(book, line[half:] + "\n")
        if number in rotations:
            rotate(book)
    wanted = LINES[place:] if place < len(LINES) else LINES
    reader = reader or book.reader(start)
    while lines := reader.more():
        read += lines
    reader.close()
    assert read == wanted
    assert everything(book, start) == wanted
    backwards = [line.decode() for line in book.backwards(start)]
    assert backwards == list(reversed(wanted))


def test_a_half_line_waits_and_a_torn_one_is_given_up(tmp_path: Path) -> None:
    book = Book(tmp_path / "queue_log")
    write(book, "one\ntwo\nthr")
    reader = book.reader(Place())
    assert reader.more() == ["one", "two"]
    assert reader.more() == []
    write(book, "ee\nfo")
    assert reader.more() == ["three"]
    rotate(book)
    write(book, "five\n")
    assert reader.more() == ["fo"]
    assert reader.more() == ["five"]


def test_a_place_nobody_kept_means_the_oldest_line(tmp_path: Path) -> None:
    book = Book(tmp_path / "psap.csv")
    write(book, "a\nb\n")
    lost = book.end()
    book.path.unlink()
    assert everything(book, lost) == []
    write(book, "c\nd\n")
    assert everything(book, lost) == ["c", "d"]
    assert Book(tmp_path / "none").end() == Place()


def test_a_place_inside_a_line_is_that_lines_beginning(tmp_path: Path) -> None:
    book = Book(tmp_path / "psap.csv")
    write(book, "first\nsecond\nthird\n")
    place = Place(book.end().head, 9)
    assert everything(book, place) == ["second", "third"]
    write(book, "x" * 10_000 + "\n")
    assert everything(book, Place(place.head, 9_000)) == ["x" * 10_000]


def test_the_place_survives_storing_and_the_old_form_is_understood(tmp_path: Path) -> None:
    books = Books(tmp_path)
    write(books.cel, "a\nb\n")
    assert books.move(books.ends())
    assert not books.move(books.ends())
    again = Books(tmp_path)
    again.load(books.shown())
    assert (again.cel_place, again.queue_place) == (books.cel_place, books.queue_place)
    again.load({"cel": 2, "queue": 0})
    assert everything(again.cel, again.cel_place) == ["b"]
    again.load(None)
    assert everything(again.cel, again.cel_place) == ["a", "b"]
