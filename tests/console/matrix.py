"""Who may do what, said a second time on purpose: a change of the policy must be made twice.

The first time is the route's own line (``roles=``) over ``psap.accounts.model.PERMISSIONS``. A new route
gets a line here; ``.venv/bin/python -m tests.console.matrix`` then writes the table into docs/security.md.
"""

from __future__ import annotations

import sys

from psap.accounts.model import Role
from psap.platform.settings import ROOT

ALL = set(Role)
FLOOR = {Role.AGENT, Role.SUPERVISOR, Role.DISPATCHER, Role.ADMIN}
WORD = {Role.AGENT, Role.SUPERVISOR, Role.ADMIN}
TAKERS = {Role.AGENT, Role.SUPERVISOR}
SUPERVISE = {Role.SUPERVISOR}
DECIDE = {Role.SUPERVISOR, Role.ADMIN}
EARS = {Role.AGENT, Role.SUPERVISOR, Role.QC, Role.ADMIN}
ADMIN = {Role.ADMIN}
OPEN: set[Role] = set()

MATRIX: dict[tuple[str, str], set[Role]] = {
    ("POST", "/session"): OPEN,
    ("DELETE", "/session"): ALL,
    ("GET", "/me"): ALL,
    ("GET", "/calls"): ALL,
    ("POST", "/calls/search"): ALL,
    ("GET", "/calls/{id}"): ALL,
    ("PATCH", "/calls/{id}"): WORD,
    ("POST", "/calls/{id}/end"): WORD,
    ("POST", "/calls/{id}/quality"): TAKERS,
    ("GET", "/calls/{id}/recordings"): ALL,
    ("GET", "/recordings/{id}"): EARS,
    ("GET", "/recordings/{id}/waveform"): EARS,
    ("GET", "/calls/{id}/parties"): TAKERS,
    ("POST", "/calls/{id}/transfer"): TAKERS,
    ("POST", "/calls/{id}/parties"): TAKERS,
    ("POST", "/calls/{id}/parties/drop"): TAKERS,
    ("POST", "/calls/{id}/leave"): TAKERS,
    ("POST", "/calls/{id}/listen"): SUPERVISE,
    ("POST", "/calls/{id}/listen/stop"): SUPERVISE,
    ("POST", "/queue/move"): SUPERVISE,
    ("POST", "/agents/pause"): SUPERVISE,
    ("POST", "/agents/unpause"): SUPERVISE,
    ("POST", "/agents/logout"): SUPERVISE,
    ("GET", "/queue"): FLOOR,
    ("POST", "/agents/me/login"): TAKERS,
    ("POST", "/agents/me/logout"): TAKERS,
    ("POST", "/agents/me/pause"): TAKERS,
    ("POST", "/agents/me/unpause"): TAKERS,
    ("POST", "/agents/me/phone"): TAKERS,
    ("DELETE", "/agents/me/phone"): TAKERS,
    ("GET", "/phone/socket"): TAKERS,
    ("GET", "/blocklist"): DECIDE,
    ("POST", "/blocklist"): DECIDE,
    ("POST", "/blocklist/search"): WORD,
    ("DELETE", "/blocklist/{id}"): DECIDE,
    ("POST", "/blocklist/{id}/confirm"): DECIDE,
    ("GET", "/incidents"): ALL,
    ("POST", "/incidents"): FLOOR,
    ("POST", "/incidents/search"): ALL,
    ("GET", "/incidents/{id}"): ALL,
    ("PATCH", "/incidents/{id}"): FLOOR,
    ("POST", "/incidents/{id}/dispositions"): FLOOR,
    ("PATCH", "/incidents/{id}/dispositions/{place}"): FLOOR,
    ("POST", "/incidents/similar"): ALL,
    ("POST", "/incidents/nearby"): ALL,
    ("POST", "/incidents/{id}/link"): FLOOR,
    ("DELETE", "/incidents/{id}/link"): FLOOR,
    ("GET", "/missed"): FLOOR,
    ("GET", "/missed/{id}"): FLOOR,
    ("POST", "/missed/{id}/claim"): TAKERS,
    ("POST", "/missed/{id}/call"): TAKERS,
    ("POST", "/missed/{id}/release"): WORD,
    ("POST", "/missed/{id}/close"): WORD,
    ("GET", "/profile"): ALL,
    ("GET", "/places"): ALL,
    ("POST", "/places/search"): ALL,
    ("POST", "/calls/{id}/location-link"): WORD,
    ("POST", "/shared-location"): OPEN,
    ("GET", "/events"): ALL,
    ("GET", "/state"): ALL,
    ("GET", "/state/detail"): DECIDE,
    ("GET", "/healthz"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/openapi.json"): OPEN,
    ("GET", "/session/ways"): OPEN,
    ("GET", "/session/oidc"): OPEN,
    ("GET", "/session/oidc/callback"): OPEN,
    ("GET", "/me/sessions"): ALL,
    ("DELETE", "/me/sessions"): ALL,
    ("DELETE", "/sessions/{id}"): ALL,
    ("POST", "/me/totp"): ALL,
    ("POST", "/me/totp/confirm"): ALL,
    ("POST", "/me/totp/remove"): ALL,
    ("GET", "/users"): ADMIN,
    ("GET", "/users/{id}/sessions"): ADMIN,
    ("DELETE", "/users/{id}/sessions"): ADMIN,
    ("DELETE", "/users/{id}/totp"): ADMIN,
    ("GET", "/audit"): ADMIN,
    ("POST", "/audit/search"): ADMIN,
    ("GET", "/board"): FLOOR,
    ("GET", "/rosters"): FLOOR,
    ("PUT", "/rosters"): DECIDE,
    ("POST", "/rosters/copy"): DECIDE,
    ("GET", "/rosters/now"): FLOOR,
    ("GET", "/trainings"): EARS,
    ("POST", "/trainings"): TAKERS,
    ("GET", "/trainings/{id}"): EARS,
    ("PUT", "/trainings/{id}/report"): TAKERS,
}
NOBODY = "00000000-0000-4000-8000-000000000000"
DOCUMENT = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- roles: begin -->", "<!-- roles: end -->"
NAMES = {
    frozenset(ALL): "ALL",
    frozenset(FLOOR): "FLOOR",
    frozenset(WORD): "WORD",
    frozenset(TAKERS): "TAKERS",
    frozenset(DECIDE): "DECIDE",
    frozenset(EARS): "EARS",
    frozenset(ADMIN): "ADMIN",
    frozenset(OPEN): "OPEN",
}


def missing(routes: dict[tuple[str, str], frozenset[Role]]) -> str:
    """What to do about routes and matrix that differ, ready to be pasted; empty: they are equal."""
    words = []
    for (method, path), roles in sorted(routes.items(), key=lambda item: (item[0][1], item[0][0])):
        said = MATRIX.get((method, path))
        line = f'    ("{method}", "{path}"): {NAMES.get(roles) or sorted(map(str, roles))},'
        if said is None:
            words.append(f"new route without a line; if these roles are meant, add:\n{line}")
        elif said != set(roles):
            words.append(f"MATRIX lets {sorted(map(str, said))} in; if the route is right, write:\n{line}")
    words += [f"MATRIX names a route that is gone: {key}" for key in sorted(set(MATRIX) - set(routes))]
    if words:
        words.append("in tests/console/matrix.py, then run: .venv/bin/python -m tests.console.matrix")
    return "\n".join(words)


def table() -> str:
    """The matrix as docs/security.md shows it."""
    lines = ["| route | " + " | ".join(str(role) for role in Role) + " | signed out |"]
    lines.append("|---|" + ":-:|" * (len(Role) + 1))
    for (method, path), roles in MATRIX.items():
        cells = ["yes" if role in roles or not roles else "-" for role in Role]
        lines.append(f"| `{method} {path}` | " + " | ".join([*cells, "-" if roles else "yes"]) + " |")
    return "\n".join(lines)


def rewritten(text: str) -> str:
    """The document with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{DOCUMENT}: {len(MATRIX)} routes\n")
