"""The page's weight and how it travels: compressed, and kept for ever where its name changes with it."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from scripts import page_size
from tests.support.home import Home
from tests.support.told import tell

pytestmark = pytest.mark.browser


def test_the_script_is_small_enough_for_a_slow_network(home: Home, tmp_path: Path) -> None:
    del home  # its `up` built the page
    sizes = page_size.measure(page_size.STATIC)
    tell(
        "page",
        [f"script: first {sizes.first:.1f} kB, all before the map {sizes.before_the_map:.1f} kB, gzip"],
    )
    assert 0 < sizes.first <= sizes.before_the_map <= page_size.LIMIT
    assert sizes.later, "no page is loaded late"
    for arguments, code in (([], 0), (["--limit", "10"], 1), (["--folder", str(tmp_path)], 2)):
        command = [sys.executable, page_size.__file__, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr


async def test_files_go_out_as_the_browser_takes_them(home: Home) -> None:
    (entry,) = page_size.ENTRY.findall((page_size.STATIC / "index.html").read_text("utf-8"))[:1]
    url = f"{home.http_url}/assets/{entry}"
    whole = (page_size.STATIC / "assets" / entry).read_bytes()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        for wanted, told in (("br, gzip", "br"), ("gzip", "gzip"), ("identity", None)):
            async with session.get(url, headers={"Accept-Encoding": wanted}) as answer:
                body = await answer.read()
                assert answer.status == 200
                assert answer.headers.get("Content-Encoding") == told
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert answer.content_type in ("text/javascript", "application/javascript")
                assert "immutable" in answer.headers["Cache-Control"]
                if told == "gzip":
                    assert gzip.decompress(body) == whole
                elif told is None:
                    assert body == whole
                assert (len(body) < len(whole) / 2) == (told is not None)
                etag = answer.headers["ETag"]
            async with session.get(url, headers={"Accept-Encoding": wanted, "If-None-Match": etag}) as again:
                assert again.status == 304
        async with session.get(home.http_url, headers={"Accept-Encoding": "gzip"}) as front:
            assert (front.headers["Cache-Control"], front.headers["Content-Encoding"]) == ("no-cache", "gzip")
        async with session.get(f"{url}.gz") as half:
            assert half.status == 404
