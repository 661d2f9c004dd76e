"""``./112 test faults``: the whole matrix, several homes at a time, continued where it was left.

Words after it choose cells: each must stand in the cell's name ("bridge killed"). ``--fresh`` forgets what
was run before, ``--write`` writes docs/reliability.md also when not the whole matrix was run.
"""

from __future__ import annotations

import argparse
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from psap.platform.settings import ROOT
from tests.faults.cells import CELLS, KINDS, USUAL, Cell
from tests.faults.results import Result, Results, failed, table, write_page

WORKERS = 3  # homes at a time on two cores: cells mostly wait
CELL_SECONDS = 300.0  # a cell that takes longer is broken off
START_SECONDS = 300.0
STOP_SECONDS = 60.0
ATTEMPTS = 2  # to start a home


class Worker:
    """A process with one home, that runs a cell at a time."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", kind],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self._last: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self._lines.put), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr, self._last.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str] | None, take: Callable[[str], None]) -> None:
        assert stream is not None
        for line in stream:
            take(line)
        take("")

    def _line(self, seconds: float) -> str:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise RuntimeError(f"nothing came within {seconds:.0f} s") from None
        if not line:
            raise RuntimeError("the worker ended: " + "".join(self._last[-12:])[-1500:])
        return line

    def await_ready(self) -> None:
        """Wait until its home is up. Raises RuntimeError."""
        if (line := self._line(START_SECONDS).strip()) != "ready":
            raise RuntimeError(f"the worker said {line!r}")

    def run(self, cell: Cell) -> Result:
        assert self._process.stdin is not None
        self._process.stdin.write(cell.key + "\n")
        self._process.stdin.flush()
        return Result.of_line(self._line(CELL_SECONDS))

    def end(self) -> None:
        """Let it take its home down."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()


class Run:
    """Runs cells on workers; ``result`` waits for one. ``with Run(...)``."""

    def __init__(
        self, cells: Sequence[Cell], results: Results, *, workers: int = WORKERS,
        told: Callable[[Result], None] = lambda _result: None,
    ) -> None:  # fmt: skip
        self.results = results
        self._told = told
        self._lock = threading.Condition()
        # a home that a cell ruins is not worth starting early
        todo = sorted((cell for cell in cells if cell.key not in results.by_key), key=lambda cell: cell.ruins)
        self._todo = {kind: [cell for cell in todo if cell.kind == kind] for kind in KINDS}
        self._busy: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._over = False
        self._again: set[Cell] = set()
        count = max(1, min(workers, sum(map(len, self._todo.values()))))
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(count)]

    def __enter__(self) -> Run:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """What is under way comes to its end, nothing new begins."""
        self._over = True
        for thread in self._threads:
            thread.join()

    def result(self, cell: Cell) -> Result:
        """A cell's result, as soon as there is one."""
        with self._lock:
            while cell.key not in self.results.by_key:
                assert any(thread.is_alive() for thread in self._threads), f"nobody runs {cell.key}"
                self._lock.wait(1.0)
            return self.results.by_key[cell.key]

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _kind(self) -> str | None:
        """Which kind of home to start next; one at a time of the rarer ones, which come first."""
        with self._lock:
            for kind in (*(kind for kind in KINDS if kind != USUAL and not self._busy[kind]), USUAL):
                if self._todo[kind] and not self._over:
                    self._busy[kind] += 1
                    return kind
        return None

    def _next(self, kind: str) -> Cell | None:
        with self._lock:
            return self._todo[kind].pop(0) if self._todo[kind] and not self._over else None

    def _keep(self, result: Result) -> None:
        with self._lock:
            self.results.add(result)
            self._lock.notify_all()
        self._told(result)

    def _serve(self) -> None:
        while (kind := self._kind()) is not None:
            try:
                self._serve_kind(kind)
            finally:
                with self._lock:
                    self._busy[kind] -= 1

    def _serve_kind(self, kind: str) -> None:
        """One home, until a cell fails on it or there are no more cells for it."""
        if (cell := self._next(kind)) is None:
            return
        try:
            worker = self._started(kind)
        except (RuntimeError, OSError) as error:
            self._keep(Result(cell.part, cell.how, cell.moment, faults=[f"no home: {error}"]))
            return
        try:
            while cell is not None:
                result = worker.run(cell)
                if result.faults and not result.begun and cell not in self._again:
                    self._once_more(cell, result)
                    return
                self._keep(result)
                if result.faults or cell.ruins:
                    return
                cell = self._next(kind)
        except (RuntimeError, OSError, ValueError) as error:
            if cell is not None:
                self._keep(Result(cell.part, cell.how, cell.moment, faults=[f"the harness: {error}"]))
        finally:
            worker.end()

    def _once_more(self, cell: Cell, result: Result) -> None:
        """It went wrong before its fault began: it gets a fresh home, once, and that is told."""
        with self._lock:
            self._again.add(cell)
            self._todo[cell.kind].insert(0, cell)
        print(f"{cell.key}: not begun, once more: {'; '.join(result.faults)}"[:600], file=sys.stderr)

    def _started(self, kind: str) -> Worker:
        """A worker whose home is up; a machine that is busy gets a second chance, which is told."""
        for attempt in range(ATTEMPTS):
            worker = Worker(kind)
            try:
                worker.await_ready()
            except RuntimeError as error:
                worker.end()
                if attempt == ATTEMPTS - 1:
                    raise
                print(f"a home of kind {kind} did not start, once more: {error}"[-600:], file=sys.stderr)
            else:
                return worker
        raise AssertionError("unreachable")


def chosen(words: Sequence[str]) -> list[Cell]:
    """Cells in whose names all the words stand."""
    return [cell for cell in CELLS if all(word.lower() in cell.key.lower() for word in words)]


def main(arguments: Sequence[str]) -> int:
    """Run, print the matrix, write the page; 1 if anything was lost, missing or told twice."""
    parser = argparse.ArgumentParser(prog="./112 test faults", description=__doc__)
    parser.add_argument("words", nargs="*", help="only cells in whose names these words stand")
    parser.add_argument("--fresh", action="store_true", help="forget what was run before")
    parser.add_argument("--again", action="store_true", help="run what failed before once more")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md in any case")
    parser.add_argument("--list", action="store_true", help="name the cells and run none")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"homes at a time ({WORKERS})")
    parser.add_argument("--results", type=Path, default=None, help="the file that keeps the results")
    given = parser.parse_args(arguments)
    cells = chosen(given.words)
    if given.list or not cells:
        print("\n".join(cell.key for cell in cells) or "no such cell")
        return 0 if cells else 2
    results = Results(given.results, fresh=given.fresh)
    if given.again:
        for key in failed(results, cells):
            results.by_key.pop(key, None)
    began = time.monotonic()
    known = sum(cell.key in results.by_key for cell in cells)
    print(f"{len(cells)} cells, {known} known from {results.path}", flush=True)
    done = [known]

    def tell(result: Result) -> None:
        done[0] += 1
        extra = results.extra(result)
        word = "FAILED" if result.faults else "-" if extra is None else f"{extra:.1f} s"
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        print(
            f"{minutes:3}:{seconds:02} [{done[0]}/{len(cells)}] {result.key}: {word} ({result.took} s)",
            flush=True,
        )
        for fault in result.faults:
            print(f"         {fault[:300]}", flush=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Run(cells, results, workers=given.workers, told=tell) as run:
        try:
            run.wait()
        except KeyboardInterrupt:
            print("ending what is under way; the next run goes on from here", file=sys.stderr)
            return 130
    print("\n".join(table(results, cells)))
    wrong = failed(results, cells)
    for key, faults in wrong.items():
        print(f"FAILED {key}: {'; '.join(faults)}")
    minutes = (time.monotonic() - began) / 60
    print(f"{len(cells) - len(wrong)} of {len(cells)} cells hold ({minutes:.1f} minutes)")
    if given.write or len(results.by_key) == len(CELLS):
        write_page(results)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
