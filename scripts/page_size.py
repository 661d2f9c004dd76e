"""How much script the page is, compressed, and whether that is too much for a slow network.

    .venv/bin/python scripts/page_size.py [--folder console/static] [--limit 300]

Prints the size (gzip, kB = 1000 bytes) of the first script, of what the desk fetches after it, and of each
part that is fetched only when it is opened. Fails (1) when everything but the map is above the limit.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "console" / "static"
LIMIT = 300.0  # kB of compressed script before the map
STATICALLY = re.compile(r"""(?:\bfrom|\bimport)\s*["']\./([\w.$-]+\.js)["']""")
ENTRY = re.compile(r"""(?:src|href)="/assets/([\w.$-]+\.js)\"""")
# what only the map's own engines have in them
MAP = (b"maplibregl", b"leaflet-pane", b"PMTiles")


@dataclass(frozen=True)
class Sizes:
    """kB after gzip. ``first``: what the browser must have before anything shows; ``later``: by name."""

    first: float
    later: dict[str, float]
    map: dict[str, float]

    @property
    def before_the_map(self) -> float:
        """Everything that is not the map: the first script and all that may follow it."""
        return self.first + sum(self.later.values())


def kilobytes(path: Path) -> float:
    """The compressed size, from the file that is handed out where the build made one."""
    squeezed = path.with_name(f"{path.name}.gz")
    size = squeezed.stat().st_size if squeezed.is_file() else len(gzip.compress(path.read_bytes(), 9))
    return size / 1000


def measure(folder: Path) -> Sizes:
    """Raises FileNotFoundError when the page is not built, ValueError when index.html names no script."""
    assets = folder / "assets"
    first = set(ENTRY.findall((folder / "index.html").read_text("utf-8")))
    if not first:
        raise ValueError(f"{folder / 'index.html'}: tidak memuat skrip / it loads no script")
    waiting = list(first)
    while waiting:
        for name in STATICALLY.findall((assets / waiting.pop()).read_text("utf-8")):
            if name not in first and (assets / name).is_file():
                first.add(name)
                waiting.append(name)
    later: dict[str, float] = {}
    maps: dict[str, float] = {}
    for path in sorted(assets.glob("*.js")):
        if path.name in first:
            continue
        whole = path.read_bytes()
        (maps if any(word in whole for word in MAP) else later)[path.name] = kilobytes(path)
    return Sizes(sum(kilobytes(assets / name) for name in first), later, maps)


def main() -> int:
    """Print the sizes; 1 when they are too large, 2 when there is no page."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--folder", type=Path, default=STATIC)
    arguments.add_argument("--limit", type=float, default=LIMIT, help="kB")
    given = arguments.parse_args()
    try:
        sizes = measure(given.folder)
    except (FileNotFoundError, ValueError) as error:
        print(f"Halaman belum dibangun, jalankan ./112 up / the page is not built, run ./112 up: {error}")
        return 2
    print(f"{sizes.first:7.1f} kB  skrip pertama / the first script")
    for name, size in sorted(sizes.later.items(), key=lambda pair: -pair[1]):
        print(f"{size:7.1f} kB  {name}")
    total = sizes.before_the_map
    print(f"{total:7.1f} kB  semua sebelum peta / everything before the map (<= {given.limit:g} kB)")
    for name, size in sizes.map.items():
        print(f"{size:7.1f} kB  peta / the map: {name}")
    if total > given.limit:
        print("Terlalu besar: muat bagian itu saat dibuka / too large: load the part when it is opened")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
