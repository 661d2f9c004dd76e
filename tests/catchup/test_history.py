"""The ledger read as a stream: in any chunks, with half lines, twice, across a rotation at any point."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.books import Book, Books
from ami_bridge.history import History
from ami_bridge.translate import phone_of
from tests.catchup.recordings import SITE, described, recording, undisturbed
from tests.catchup.same import differences

ENDED_AS_PRANK = "081200000003"  # by the agent's command, which the recorded events do not hold


def owner(name: str) -> dict[str | None, str]:
    return {phone_of(row["Location"]): row["Name"] for row in recording(name).members()}


def write(book: Book, text: str) -> None:
    book.path.parent.mkdir(parents=True, exist_ok=True)
    with book.path.open("a") as file:
        file.write(text)


def rotate(book: Book) -> None:
    if book.path.exists():
        number = len(book.rotated()) + 1
        book.path.rename(book.path.with_name(f"{book.path.name}.{number:06d}"))


@pytest.mark.parametrize("name", ["", "second"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_same_records_however_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    told = recording(name)
    cel, queue_log = told.books(len(told.events))
    books = Books(tmp_path_factory.mktemp("pbx"))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(cel)), max_size=6)))
    rotations = data.draw(st.sets(st.integers(0, len(cuts))))
    write(books.queue, queue_log[: len(queue_log) // 2])
    rotate(books.queue)
    write(books.queue, queue_log[len(queue_log) // 2 :])
    history = History(books, SITE, lambda phone: owner(name).get(phone))
    made = []
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(cel)], strict=True)):
        write(books.cel, cel[start:end])
        if data.draw(st.booleans()):
            made += history.batch()
        # Asterisk writes whole lines; a rename comes between two of them
        if number in rotations and cel[:end].endswith("\n"):
            rotate(books.cel)
    for again in (history, History(books, SITE, lambda phone: owner(name).get(phone))):
        while trackers := again.batch():
            made += trackers
        assert not again.left()
        again.close()
        found = {tracker.call.id: described(tracker) for tracker in made}
        assert len(found) == len(made), "a call was told twice"
        wanted = undisturbed(name)
        assert found.keys() == wanted.keys()
        for call_id, record in found.items():
            if record["caller"]["number"] != ENDED_AS_PRANK:
                assert differences(wanted[call_id], record) == []
        made = []


def test_calls_that_nobody_ended_are_left_over(tmp_path_factory: pytest.TempPathFactory) -> None:
    told = recording("second")
    ended = undisturbed("second")
    for count in range(0, len(told.events), 97):
        books = Books(tmp_path_factory.mktemp("pbx"))
        for book, text in zip((books.cel, books.queue), told.books(count), strict=True):
            write(book, text)
        history = History(books, SITE, lambda phone: None)
        made = []
        while trackers := history.batch():
            made += trackers
        failed = [history.failed(story) for story in history.left().values()]
        ids = [tracker.call.id for tracker in [*made, *failed] if tracker is not None]
        assert len(set(ids)) == len(ids)
        assert set(ids) <= ended.keys()
        for tracker in failed:
            assert tracker is not None
            assert str(tracker.call.ending) == "failed"
            assert tracker.call.ended_at is not None
            assert tracker.call.ended_at <= told.at(count)
