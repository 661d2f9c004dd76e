"""TLS of the console itself: 1.2 or newer, and a renewed certificate without a restart."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

LOOK_EVERY = 30.0  # seconds


class TlsError(Exception):
    """The certificate or its key cannot be used; the message says why, for people."""


def make_context(cert: Path, key: Path) -> ssl.SSLContext:
    """A server's context.

    Raises:
        TlsError: a file is missing, unreadable, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    _load(context, cert, key)
    return context


def _load(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(
            f"sertifikat tidak dapat dipakai / the certificate cannot be used "
            f"(PSAP_TLS_CERT={cert}, PSAP_TLS_KEY={key}): {error}"
        ) from None


async def follow(
    context: ssl.SSLContext, cert: Path, key: Path, log: Any, *, every: float = LOOK_EVERY
) -> None:
    """Load the files again when they change; a half-written pair is tried again, the old one serves on."""
    loaded = _stamps(cert, key)
    while True:
        await asyncio.sleep(every)
        now = _stamps(cert, key)
        if now == loaded:
            continue
        try:
            # a context that refuses them keeps nothing of them: try on another one first
            make_context(cert, key)
            _load(context, cert, key)
        except TlsError as error:
            log.warning("certificate not renewed", detail=str(error))
            continue
        loaded = now
        log.info("certificate renewed")


def _stamps(*paths: Path) -> tuple[int, ...]:
    """When the files were written, 0 for a missing one."""
    found = []
    for path in paths:
        try:
            found.append(path.stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return tuple(found)
