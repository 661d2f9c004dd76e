"""A real PostgreSQL of one's own for tests and benches: a unix socket in a temporary folder, no network.

``with PostgresServer() as server: url = server.migrated("mine")`` gives an empty database of this
version in about 50 ms: it is copied from a template that is migrated once for each server.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from psap.platform.migrate import migrate
from psap.platform.settings import Settings

OWNER = "psap112"  # the role that all our URLs name
TEMPLATE = "psap_template"
PASSWORD = "uji-coba-basis-data"  # of OWNER, where the server asks for one
START_SECONDS = 60.0  # a loaded machine; it takes about a second
STOP_SECONDS = 30.0
PR_SET_PDEATHSIG = 1


class PostgresServer:
    """One server with a data folder of its own; a context manager.

    ``durable`` keeps fsync and full page writes as in production; without them the machine's death would
    lose data, the server's own (``kill``) does not.
    ``password`` makes it ask for one (SCRAM). ``options`` are ``NAME=VALUE`` for postgresql.conf.
    """

    def __init__(self, *, durable: bool = False, password: bool = False, options: Sequence[str] = ()) -> None:
        self.bin = _binaries()
        self._password = PASSWORD if password else None
        self._options = ["listen_addresses=", "max_connections=200", "log_min_messages=warning", *options]
        if not durable:
            # synchronous_commit stays on: what was acknowledged is with the kernel when the server dies
            self._options += ["fsync=off", "full_page_writes=off"]
        self._account = pwd.getpwnam(_account()) if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path()

    def __enter__(self) -> PostgresServer:
        self.folder = Path(tempfile.mkdtemp(prefix="psap-pg-"))  # short: a socket's path has 107 characters
        if self._account is not None:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
            self.folder.chmod(0o755)  # clients are another account
        try:
            self._initdb()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- the process

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers; the data folder is there already."""
        assert self._process is None
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # that pid may be somebody else's now
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", str(self.data), "-k", str(self.folder), *self._settings()),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                **self._as_account(),
            )
        self._await(lambda: self._answers(), "does not answer")

    def stop(self) -> None:
        """End it in order (a "fast" shutdown), by force where it does not go; nothing to do twice."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            self.resume()
            process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL to the postmaster and every backend at once: a power cut. ``start`` brings it back."""
        process = self._process
        assert process is not None
        family = self._family()
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
        self._process = None
        # the backends are init's children now: their shared memory must be free before the next start
        self._wait(lambda: not any(_alive(pid) for pid in family), "backends that were killed live on")

    def pause(self) -> None:
        """SIGSTOP: it hangs; connections are taken by the kernel and nobody answers."""
        for pid in self._family():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after ``pause``."""
        for pid in reversed(self._family()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def log(self) -> str:
        """What it wrote to its log."""
        return (self.folder / "log").read_text("utf-8", "replace")

    # -- databases

    def url(self, name: str, *, password: bool = True) -> str:
        """The address of a database, as PSAP_DATABASE_URL takes it; with the password in it unless told."""
        secret = f":{quote(self._password)}" if self._password and password else ""
        return f"postgresql+asyncpg://{OWNER}{secret}@/{name}?host={self.folder}"

    def create(self, name: str, template: str | None = None) -> str:
        """Make a database (a copy of ``template``); its address."""
        like = f' TEMPLATE "{template}"' if template is not None else ""
        self.sql(f'CREATE DATABASE "{name}" OWNER "{OWNER}"{like}')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Delete a database, also when somebody is connected to it."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def migrated(self, name: str) -> str:
        """Make an empty database of this version of the software; its address."""
        if self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'") != "1":
            migrate(Settings(home=self.folder / "home", database_url=self.create(TEMPLATE)))
        return self.create(name, TEMPLATE)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql answers to one statement, unaligned: values separated by ``|``, rows by newlines."""
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement)

    # -- inside

    def _initdb(self) -> None:
        words = ["initdb", "-D", str(self.data), "-U", OWNER, "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        if self._password is None:
            words.append("--auth=trust")
        else:
            file = self.folder / "password"
            file.write_text(self._password, "utf-8")
            if self._account is not None:
                os.chown(file, self._account.pw_uid, self._account.pw_gid)
            words += ["--auth=scram-sha-256", f"--pwfile={file}"]
        ended = subprocess.run(
            self._command(*words), capture_output=True, text=True, cwd=self.folder, **self._as_account()
        )
        if ended.returncode != 0:
            raise RuntimeError(f"initdb failed: {ended.stdout}{ended.stderr}")

    def _run(self, *words: str) -> str:
        ended = subprocess.run(
            self._command(words[0], "-h", str(self.folder), "-U", OWNER, *words[1:]),
            env={"PATH": os.environ["PATH"], "PGPASSWORD": self._password or "", "PGCONNECT_TIMEOUT": "10"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{words[0]}: {ended.stderr.strip()}")
        return ended.stdout.strip()

    def _command(self, name: str, *words: str) -> list[str]:
        return [str(self.bin / name), *words]

    def _settings(self) -> list[str]:
        return [word for option in self._options for word in ("-c", option)]

    def _as_account(self) -> dict[str, object]:
        if self._account is None:
            return {"preexec_fn": _end_with_parent}
        return {
            "user": self._account.pw_uid,
            "group": self._account.pw_gid,
            "extra_groups": [],
            "preexec_fn": _end_with_parent,
        }

    def _answers(self) -> bool:
        try:
            return self.sql("SELECT 1") == "1"
        except RuntimeError:
            return False

    def _await(self, ready: Callable[[], bool], fault: str) -> None:
        def look() -> bool:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended: {self.log()[-2000:]}")
            return ready()

        self._wait(look, f"PostgreSQL {fault}")

    @staticmethod
    def _wait(ready: Callable[[], bool], fault: str) -> None:
        until = time.monotonic() + START_SECONDS
        while not ready():
            if time.monotonic() > until:
                raise RuntimeError(f"{fault} within {START_SECONDS:.0f} s")
            time.sleep(0.02)

    def _family(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()
        return [self.pid, *(int(child) for child in children)]


def _end_with_parent() -> None:
    """No server stays behind a test run that was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _account() -> str:
    """PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("no unprivileged account (postgres or nobody) to run PostgreSQL as")


def _binaries() -> Path:
    """The folder with initdb and postgres; Debian keeps them out of PATH.

    Raises:
        RuntimeError: PostgreSQL is not installed here.
    """
    found = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda folder: int(folder.parent.name),
    )
    if found:
        return found[-1]
    initdb = shutil.which("initdb")
    if initdb is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql, or ./112 test does it")
    return Path(initdb).resolve().parent
