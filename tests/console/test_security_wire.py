"""Below HTTP: TLS and its renewal, clients that are slow on purpose, too many connections from one place."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console import dispatch
from console.app import make_app, make_parts
from console.limits import CONNECTIONS, Connections
from console.tls import TlsError, follow, make_context
from psap.platform.settings import Settings
from tests.console.conftest import PASSWORD, Console


def write_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 with this common name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return cert_path, key_path


@asynccontextmanager
async def served(
    console: Console, context: ssl.SSLContext | None = None, **limits: float
) -> AsyncIterator[tuple[int, Connections]]:
    """The console as ``python -m console`` serves it: (port, its connections)."""
    runner = web.AppRunner(make_app(make_parts(console.parts.settings)), access_log=None, shutdown_timeout=1)
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server, **limits)  # type: ignore[arg-type]
    runner.app[CONNECTIONS].append(connections)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connections, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()
        await runner.cleanup()


async def presented(port: int, **versions: ssl.TLSVersion) -> str:
    """The common name of the certificate that is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, version in versions.items():
        setattr(context, name, version)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    subject = x509.load_der_x509_certificate(raw).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


async def test_tls_makes_the_cookie_secure_and_is_renewed_without_a_restart(
    console: Console, tmp_path: Path
) -> None:
    cert, key = write_certificate(tmp_path, "first")
    context = make_context(cert, key)
    async with served(console, context) as (port, _), aiohttp.ClientSession() as http:
        body = {"username": "agent1", "password": PASSWORD}
        url = f"https://127.0.0.1:{port}/api/v1/session"
        async with http.post(url, json=body, ssl=False) as answer:
            assert answer.status == 200
            assert answer.cookies["psap_session"]["secure"]
            assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
        assert await presented(port) == "first"
        with pytest.raises((ssl.SSLError, OSError)):
            await presented(
                port, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1
            )
        log = structlog.get_logger()
        task = asyncio.create_task(follow(context, cert, key, log, every=0.05))
        try:
            cert.write_text("half a certificate")
            await asyncio.sleep(0.2)  # time in which a wrong file would have been taken
            assert await presented(port) == "first"
            write_certificate(tmp_path, "second")
            for _ in range(400):
                if await presented(port) == "second":
                    break
                await asyncio.sleep(0.05)
            assert await presented(port) == "second"
        finally:
            task.cancel()


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path, "x")
    with pytest.raises(TlsError, match="PSAP_TLS_CERT=/nowhere"):
        make_context(Path("/nowhere"), key)
    (tmp_path / "other").mkdir()
    _, other = write_certificate(tmp_path / "other", "y")
    with pytest.raises(TlsError, match="PSAP_TLS_KEY"):
        make_context(cert, other)
    with pytest.raises(ValueError, match="belong together"):
        Settings(tls_cert=cert)


async def test_a_header_that_drips_in_is_cut_off_and_a_live_channel_is_not(console: Console) -> None:
    async with (
        served(console, first=0.2, between=0.2) as (port, connections),
        aiohttp.ClientSession() as http,
    ):
        headers = {"Authorization": f"Bearer {console.tokens['agent1']}"}
        async with http.ws_connect(f"http://127.0.0.1:{port}/api/v1/events", headers=headers) as socket:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            rested, resting = await asyncio.open_connection("127.0.0.1", port)
            resting.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" in await rested.readline()
            async with asyncio.timeout(20):
                sweeping = asyncio.create_task(connections.sweep_forever())
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1)
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await rested.readexactly(1_000_000)
                sweeping.cancel()
            assert not socket.closed
            await socket.ping()
        writer.close()
        resting.close()


async def test_one_address_holds_only_so_many_connections(console: Console) -> None:
    async with served(console, per_address=3) as (port, connections):
        loop = asyncio.get_running_loop()
        held = []
        for address in ("127.0.0.50",) * 6 + ("127.0.0.51",) * 3:
            held.append(
                await loop.create_connection(asyncio.Protocol, "127.0.0.1", port, local_addr=(address, 0))
            )
        for _ in range(2_000):
            if len(connections._open) == 9:
                break
            await asyncio.sleep(0.01)  # accepted a moment after they are connected
        assert connections.sweep(0.0) == 3
        for transport, _ in held:
            transport.close()


async def test_a_body_that_drips_in_is_given_up(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BODY_SECONDS", 0.2)
    async with served(console) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 50\r\n\r\n{"username'
        )
        async with asyncio.timeout(20):
            assert b"408" in await reader.readline()
        writer.close()


async def test_headers_without_end_are_refused(console: Console) -> None:
    async with served(console) as (port, _):
        for head in (b"GET /" + b"a" * 20_000, b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + b"\r\n\r\n")
            async with asyncio.timeout(20):
                line = await reader.readline()
            assert b"400" in line or b"431" in line or not line
            writer.close()
