"""Who may write in a home that others keep running: its owner's account alone.

A command that root runs there would leave files that the parts, which are nobody special, cannot write.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import typer

from psap.cli.say import RefusedError
from psap.platform import pbx_root
from psap.platform.settings import ROOT


def become_owner(home: Path, *, make: bool = False) -> None:
    """As root: go on as the account that owns the home, for good; as anybody else: nothing.

    ``make``: the home is made, and given to that account whole, where it is not yet.

    Raises:
        RefusedError: that account could not read the software.
    """
    if os.geteuid() != 0:
        return
    if make:
        uid, gid = pbx_root.owner(create=True)
        home.mkdir(parents=True, exist_ok=True)
        _give(home, uid, gid)
    else:
        owner = home.stat()
        uid, gid = owner.st_uid, owner.st_gid
    if uid == 0:
        return
    try:
        entry = pwd.getpwuid(uid)
        name, folder = entry.pw_name, entry.pw_dir
    except KeyError:  # a container's account has a number only
        name, folder = str(uid), "/"
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)
    os.environ["HOME"] = folder
    os.environ["USER"] = os.environ["LOGNAME"] = name
    # the software, its libraries and Python itself, of which more is read on the way
    for needed in (ROOT / "psap" / "cli" / "main.py", Path(typer.__file__), Path(os.__file__)):
        if not os.access(needed, os.R_OK):
            raise RefusedError(
                f"akun {name} tidak dapat membaca {needed}; pasang di /opt/psap112 dengan Python sistem / "
                f"the account {name} cannot read {needed}; install in /opt/psap112, with the system's Python"
            )


def _give(home: Path, uid: int, gid: int) -> None:
    for folder, _folders, files in os.walk(home):
        for path in (Path(folder), *(Path(folder) / file for file in files)):
            if path.lstat().st_uid != uid:
                os.lchown(path, uid, gid)
