"""Where Asterisk lives, and how to start something there.

Asterisk comes from the host when that has version 22, else from a small Debian root in the cache
folder, which many homes and clones share. Each process started there gets a private mount
namespace: the home's ``asterisk/`` folder appears at the same absolute path inside the root, the
machine's own name resolves (with a dead resolver every call would take 20 s), and nothing is left
mounted when the process ends.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psap.platform import pbx_console
from psap.platform.settings import Settings

USER = "psap112"  # whom Asterisk runs as when root starts it
ROOT_NAME = "pbx-forky-1"  # changes whenever the recipe in ./112 does
STAMP = ".psap112-complete"  # in a Debian root: complete, and what `asterisk -V` said there
NEEDED = "22"  # Asterisk's long-term release
RX_SECONDS = 5.0

# Nothing mounted below may reach the machine's own mount table. `unshare --propagation private` does not
# work where we ourselves run in a chroot; entering our own mount namespace leaves that for one command.
PRIVATE = (
    "{ mount --make-rprivate / 2>/dev/null || nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /; }"
)


class PbxRootError(Exception):
    """Asterisk cannot be started here; the message says why and how to mend it."""


def pbx_root(settings: Settings) -> Path:
    """The file system in which Asterisk and SIPp lie: ``/`` or the Debian root in the cache."""
    return settings.pbx_root or settings.cache / ROOT_NAME


def owner(*, create: bool = False) -> tuple[int, int]:
    """(uid, gid) of Asterisk: an unprivileged system user under root, else ourselves."""
    if os.geteuid() != 0:
        return os.getuid(), os.getgid()
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        if not create:
            raise PbxRootError(f"user {USER} is missing: run ./112 up") from None
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode not in (0, 9):  # 9: another `up` was faster
            raise PbxRootError(f"useradd {USER}: {made.stderr.strip()}") from None
        entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def version(settings: Settings) -> str:
    """Asterisk's version, such as ``22.10.1``.

    Raises:
        PbxRootError: there is none, or it is not version 22.
    """
    root = pbx_root(settings)
    if not (root / "usr/sbin/asterisk").exists():
        raise PbxRootError(
            f"Asterisk {NEEDED} tidak ada di {root} / there is no Asterisk {NEEDED} in {root}; run ./112 up"
        )
    command = ["asterisk", "-V"]
    if root != Path("/"):
        if settings.outside and os.geteuid() != 0 and (root / STAMP).is_file():
            command = ["cat", str(root / STAMP)]  # what it said when the root was made; others start it there
        elif os.geteuid() != 0:
            raise PbxRootError(
                "perlu root atau sudo untuk memakai Asterisk di cache / root or sudo is needed"
            )
        else:
            command = ["chroot", str(root), *command]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    words = told.stdout.split()
    found = re.split(r"[^0-9.]", words[1])[0] if len(words) > 1 else "?"
    if found.split(".")[0] != NEEDED:
        raise PbxRootError(
            f"Asterisk {found} tidak didukung, perlu versi {NEEDED} / "
            f"Asterisk {found} is not supported, version {NEEDED} is needed (PSAP_PBX_ROOT={root})"
        )
    return found


def hand_over(settings: Settings) -> None:
    """Make the home's ``asterisk/`` tree and give it to Asterisk's user."""
    uid, gid = owner(create=True)
    for name in ("", "etc", "lib", "log", "log/cel-custom", "spool", "run", "sounds"):
        (settings.pbx / name).mkdir(parents=True, exist_ok=True, mode=0o750)
    if os.geteuid() == 0:
        for folder, _folders, files in os.walk(settings.pbx):
            os.lchown(folder, uid, gid)
            for file in files:
                os.lchown(Path(folder) / file, uid, gid)


def in_root(
    settings: Settings,
    command: Sequence[str],
    *,
    binds: Sequence[Path] = (),
    cwd: Path | None = None,
    unprivileged: bool = False,
) -> list[str]:
    """The argv that runs ``command`` where Asterisk and SIPp live.

    ``binds`` are folders that must be seen there at the same absolute path (the home's ``asterisk/``
    always is). The process that is started becomes ``command`` itself: its pid and signals are its own.
    """
    root = pbx_root(settings)
    as_user = unprivileged and os.geteuid() == 0
    if root == Path("/") and not as_user and cwd is None:
        return list(command)
    chroot = ["chroot"]
    if as_user:
        uid, gid = owner(create=True)
        chroot += [f"--userspec={uid}:{gid}", f"--groups={gid}"]
    inner = list(command)
    if cwd is not None:
        inner = ["sh", "-c", 'cd "$0" && exec "$@"', str(cwd), *inner]
    if root == Path("/"):
        return inner if not as_user else [*chroot, "/", *inner]
    if os.geteuid() != 0:
        raise PbxRootError("perlu root atau sudo / root or sudo is needed")
    lines = [PRIVATE, *_mounts(settings, root, binds), f'exec {shlex.join(chroot)} {_q(root)} "$@"']
    script = " && ".join(lines)  # on one line: it stands in supervisord's configuration too
    return ["unshare", "--mount", "--propagation", "unchanged", "--", "sh", "-c", script, "in-root", *inner]


def asterisk_command(settings: Settings) -> list[str]:
    """How supervisord starts this home's Asterisk, in the foreground, unprivileged.

    Its standard error goes nowhere, its log goes to standard output: its XML library writes to standard error
    what strangers sent (a broken location, escapes and coordinates included), and nothing switches that off.
    """
    conf = settings.pbx / "etc" / "asterisk.conf"
    quiet = ["sh", "-c", 'exec "$0" "$@" 2>/dev/null']
    return in_root(settings, [*quiet, "/usr/sbin/asterisk", "-C", str(conf), "-f"], unprivileged=True)


def asterisk_rx(settings: Settings, command: str, *, timeout: float = RX_SECONDS) -> str:
    """Run one command on this home's Asterisk console and return what it says.

    Raises:
        PbxRootError: Asterisk does not answer, or not within ``timeout`` seconds.
    """
    try:
        return pbx_console.run(settings, command, timeout=timeout)
    except pbx_console.PbxConsoleError as error:
        raise PbxRootError(str(error)) from None


def write_hosts(settings: Settings) -> None:
    """The hosts file of this home's Asterisk: the machine's own name must resolve at once."""
    names = " ".join(dict.fromkeys([socket.gethostname(), socket.gethostname().split(".")[0]]))
    text = f"127.0.0.1\tlocalhost {names}\n::1\tlocalhost ip6-localhost\n"
    (settings.run / "hosts").write_text(text, "utf-8")


def _mounts(settings: Settings, root: Path, binds: Sequence[Path]) -> list[str]:
    """Shell lines that make the root usable, in this mount namespace only."""
    lines = [f"mount --rbind /{name} {_q(root / name)}" for name in ("dev", "proc")]
    hosts = settings.run / "hosts"
    if hosts.exists():
        lines.append(f"mount --bind {_q(hosts)} {_q(root / 'etc/hosts')}")
    if Path("/etc/resolv.conf").exists():
        (root / "etc/resolv.conf").touch()
        lines.append(f"mount --bind /etc/resolv.conf {_q(root / 'etc/resolv.conf')}")
    folders = dict.fromkeys([settings.pbx, *binds])
    for folder in folders:
        if folder.exists():
            _mount_point(root, folder)
            lines.append(f"mount --bind {_q(folder)} {_q(_inside(root, folder))}")
    return lines


def _mount_point(root: Path, folder: Path) -> None:
    """An empty folder in the root, with parents that an unprivileged process may pass through."""
    inside = _inside(root, folder)
    inside.mkdir(parents=True, exist_ok=True)
    for parent in inside.parents:
        if parent == root:
            break
        mode = parent.stat().st_mode
        if mode & 0o011 != 0o011:
            parent.chmod(mode | 0o011)


def _inside(root: Path, folder: Path) -> Path:
    return root / folder.relative_to("/")


def _q(path: Path) -> str:
    return shlex.quote(str(path))
