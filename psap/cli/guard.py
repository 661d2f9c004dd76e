"""``./112 guard``: which SIP hosts are cut off, and letting one back."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Annotated, Any

import typer

from psap.cli.ground import JsonOption, note, show_json
from psap.cli.say import HomeOption, RefusedError
from psap.platform.control import BridgeAwayError, ControlError, ask
from psap.platform.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Penjaga SIP / the SIP guard")


def _ask(home: Any, method: str, params: dict[str, Any]) -> Any:
    try:
        return asyncio.run(ask(load_settings(home).bridge_socket, method, params, timeout=10))
    except BridgeAwayError:
        raise RefusedError(
            "ami_bridge tidak menjawab; lihat ./112 status / the bridge does not answer; see ./112 status"
        ) from None
    except ControlError as error:
        raise RefusedError(f"ami_bridge: {error.detail}") from None


@app.command("list")
def list_hosts(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Alamat yang sedang ditolak / addresses that are cut off now."""
    told = _ask(home, "guard.list", {})
    if as_json:
        show_json(told)
        return
    if not told["cut"] and not told["spared"]:
        note("tidak ada yang ditolak", "nobody is cut off")
    for one in told["cut"]:
        print(f"{one['address']:<40} {one['seconds']} s  ({one['times']}x)")
    for address in told["spared"]:
        print(f"{address:<40} gagal, tetapi ada telepon kita / failing, but a telephone of ours is there")


@app.command("release")
def release(
    address: Annotated[str, typer.Argument(help="Alamat / address", show_default=False)],
    home: HomeOption = None,
) -> None:
    """Terima lagi sekarang / let it back now."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise RefusedError(f"bukan alamat IP / not an IP address: {address!r}") from None
    if not _ask(home, "guard.release", {"address": address})["released"]:
        raise RefusedError(f"{address}: tidak sedang ditolak / is not cut off")
    print(f"{address}: diterima lagi / let back")
