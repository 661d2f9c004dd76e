"""Settings: the only reader of the environment.

``./112 up`` writes the settings it used into ``HOME/config.json``; every later command for that
home reads them from there, so that ``status`` needs no environment. Secrets live apart, in
``HOME/secrets.json`` with mode 0600, made once per installation.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "psap112"


class Settings(BaseSettings):
    """One installation's settings, from PSAP_* variables. Ports are TCP/UDP numbers."""

    model_config = SettingsConfigDict(env_prefix="PSAP_", extra="ignore")

    home: Path = ROOT / "var"
    cache: Path = Field(default_factory=_cache)  # what clones share: Asterisk's Debian root, prompts
    pbx_root: Path | None = None  # where Asterisk lives, "/" for the host's; None: the root in the cache
    profile: str = "semarang"  # a name under profiles/ or a path to a .toml
    demo: bool = False
    # who keeps the parts running: our supervisord; or systemd, containers (docs/adr/0019)
    supervisor: Literal["own", "outside"] = "own"
    sip_port: int = Field(5060, ge=1, le=65535)
    sip_bind: str = "127.0.0.1"
    ami_port: int = Field(5038, ge=1, le=65535)
    ami_link_port: int | None = Field(None, ge=1, le=65535)  # where the bridge connects, if not ami_port
    pbx_http_port: int = Field(8088, ge=1, le=65535)
    agi_port: int = Field(4573, ge=1, le=65535)
    http_port: int = Field(8112, ge=1, le=65535)
    http_bind: str = "127.0.0.1"
    http_socket: Path | None = None  # the console listens here as well: for a TLS front beside it
    rtp_start: int = Field(20000, ge=1024, le=65535)
    rtp_end: int = Field(29999, ge=1024, le=65535)
    external_address: str | None = None
    trunk_hosts: str = ""  # comma separated addresses or networks
    trunk_proxy: str | None = None  # sip host[:port] where call-backs and overflow go out
    redis_url: str | None = None  # None: our own, on HOME/run/redis.sock
    database_url: str | None = None  # None: SQLite at HOME/psap.db
    database_password_file: Path | None = None  # PostgreSQL's password, one line; read at each connect
    timer_scale: float = Field(1.0, gt=0, le=10)
    session_idle_minutes: int = Field(240, ge=5, le=1440)  # a session without use ends; an open page uses it
    session_max_hours: int = Field(16, ge=1, le=168)  # and in any case: a double shift
    totp_roles: str = ""  # comma separated roles that may not work without a second factor
    tls_cert: Path | None = None  # PEM, the chain included; with tls_key the console speaks TLS
    tls_key: Path | None = None
    oidc_issuer: str | None = None  # https://... of the city's identity provider
    oidc_client_id: str = "psap112"
    oidc_client_secret_file: Path | None = None  # without one we are a public client (PKCE alone)
    oidc_claim: str = "preferred_username"  # which claim is the username here
    public_url: str | None = None  # https://... as browsers reach the console, for the provider's way back

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        self.home = self.home.resolve()
        if self.rtp_end - self.rtp_start < 20:
            raise ValueError("PSAP_RTP_END must lie at least 20 ports above PSAP_RTP_START")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("PSAP_TLS_CERT and PSAP_TLS_KEY belong together: set both or none")
        if self.oidc_issuer is not None and self.public_url is None:
            raise ValueError("PSAP_OIDC_ISSUER needs PSAP_PUBLIC_URL, as browsers reach the console")
        if self.database_url is not None:
            self.database_url = _with_driver(self.database_url)
        if self.demo and not self.trunk_hosts:
            self.trunk_hosts = "127.0.0.2"
        return self

    @property
    def outside(self) -> bool:
        """Do systemd or containers keep the parts running?"""
        return self.supervisor == "outside"

    @property
    def http_scheme(self) -> str:
        """How browsers speak to the console."""
        return "http" if self.tls_cert is None else "https"

    @property
    def run(self) -> Path:
        """Sockets, pids and heartbeats."""
        return self.home / "run"

    @property
    def spool(self) -> Path:
        """What could not be written yet."""
        return self.home / "spool"

    @property
    def logs(self) -> Path:
        return self.home / "log"

    @property
    def pbx(self) -> Path:
        """Asterisk's own tree: etc, lib (AstDB), log (CEL, queue_log), spool, run, sounds."""
        return self.home / "asterisk"

    @property
    def bridge_socket(self) -> Path:
        return self.run / "bridge.sock"

    @property
    def effective_redis_url(self) -> str:
        return self.redis_url or f"unix://{self.run / 'redis.sock'}"

    @property
    def effective_database_url(self) -> str:
        """The database's address. A password in a file is read by each connection: it stands nowhere else."""
        url = self.database_url or f"sqlite+aiosqlite:///{self.home / 'psap.db'}"
        if self.database_password_file is None or not url.startswith("postgresql"):
            return url
        mark = "&" if "?" in url else "?"
        return f"{url}{mark}password_file={quote(str(self.database_password_file.resolve()), safe='/')}"

    @property
    def trunk_addresses(self) -> list[str]:
        return [part.strip() for part in self.trunk_hosts.split(",") if part.strip()]

    def save(self) -> None:
        """Write ``HOME/config.json`` for the commands that follow."""
        write_private(self.home / "config.json", self.model_dump_json(indent=2))


def _with_driver(url: str) -> str:
    """The address with the one driver that we have for its engine."""
    scheme, mark, rest = url.partition("://")
    engine = scheme.partition("+")[0]
    driver = {"sqlite": "aiosqlite", "postgresql": "asyncpg", "postgres": "asyncpg"}.get(engine)
    if driver is None or not mark:
        raise ValueError(
            "PSAP_DATABASE_URL must begin with postgresql+asyncpg:// or sqlite+aiosqlite:/// "
            "(postgresql+asyncpg://USER@HOST/NAME, or ...@/NAME?host=/run/postgresql for a socket)"
        )
    return f"{'sqlite' if engine == 'sqlite' else 'postgresql'}+{driver}://{rest}"


def load_settings(home: Path | None = None) -> Settings:
    """Settings of a home: what ``up`` saved there, or the environment if it never ran.

    Processes that ``up`` starts find their home in PSAP_HOME.
    """
    where = (home or Path(os.environ.get("PSAP_HOME", ROOT / "var"))).resolve()
    saved = where / "config.json"
    if saved.exists():
        return Settings(**json.loads(saved.read_text("utf-8")))
    return Settings(home=where)


class Secrets(BaseModel):
    """One installation's secrets."""

    ami_bridge: str  # AMI user "bridge"
    ami_status: str  # AMI user "status", may only ping
    ari: str  # ARI user "psap"
    redis: str | None = None
    ami_guard: str = ""  # AMI user "guard", sees security events only
    audit: str = ""  # the key under which the audit names telephone numbers; never rotated


def load_secrets(home: Path) -> Secrets:
    """The home's secrets, made at first use."""
    path = home / "secrets.json"
    if path.exists():
        known = Secrets.model_validate_json(path.read_text("utf-8"))
        lacking = [name for name in ("ami_guard", "audit") if not getattr(known, name)]
        if not lacking:
            return known
        made = known.model_copy(update={name: new_secret() for name in lacking})  # an earlier version's
    else:
        names = ("ami_bridge", "ami_status", "ami_guard", "ari", "audit")
        made = Secrets(**{name: new_secret() for name in names})
    save_secrets(home, made)
    return made


def save_secrets(home: Path, made: Secrets) -> None:
    """Replace the home's secrets at once."""
    write_private(home / "secrets.json", made.model_dump_json(indent=2))


def new_secret() -> str:
    """192 random bits; letters, digits, - and _ only: safe in every configuration file."""
    return secrets.token_urlsafe(24)


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
