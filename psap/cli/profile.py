"""``./112 profile check FILE``: a profile's faults, each with its line."""

from __future__ import annotations

from typing import Annotated

import typer

from psap.agencies.profile import ProfileError, find_profile, load_profile
from psap.cli.ground import JsonOption, show_json
from psap.cli.say import HomeOption
from psap.places.gazetteer import load_gazetteer, path_beside

app = typer.Typer(no_args_is_help=True, help="Profil kota / city profiles")


@app.callback()
def _profile() -> None:
    """Profil kota / city profiles."""


@app.command("check")
def check(
    file: Annotated[str, typer.Argument(help="Berkas atau nama / file or name", show_default=False)],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Periksa profil / check a profile. Keluar 1 bila salah / exit 1 when it has faults."""
    try:
        path = find_profile(file)
        profile = load_profile(path)
        places = load_gazetteer(path_beside(path), profile)
    except ProfileError as error:
        if as_json:
            faults = [
                {"line": each.line, "where": each.where, "id": each.id, "en": each.en}
                for each in error.faults
            ]
            show_json({"ok": False, "file": str(error.path), "faults": faults})
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        show_json(
            {
                "ok": True,
                "site": profile.site,
                "name": profile.name,
                "assumed": profile.assumed,
                "places": len(places),
            }
        )
        return
    print(f"{profile.name}: benar / valid")
    print(
        f"  {len(profile.agencies)} instansi, {len(profile.categories)} kategori, "
        f"{len(profile.shifts)} shift, {len(profile.districts)} kecamatan / "
        f"{len(profile.agencies)} agencies, {len(profile.categories)} categories, "
        f"{len(profile.shifts)} shifts, {len(profile.districts)} districts"
    )
    placed = sum(place.latitude is not None for place in places)
    print(
        f"  {len(places)} tempat untuk pencarian, {placed} dengan koordinat / "
        f"{len(places)} places to search, {placed} with coordinates"
    )
    if not path_beside(path).is_file():
        print(f"  tanpa / without {path_beside(path).name}: hanya kecamatan dan kelurahan / districts only")
    if profile.assumed:
        print(f"  diasumsikan / assumed: {', '.join(profile.assumed)}")
