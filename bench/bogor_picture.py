"""The replay's waits as a small SVG: each caller a mark, the simulation's band behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from bench.bogor_compare import BAND, BIN, by_time, percentile
from bench.bogor_model import ABANDONED, ANSWERED, Outcome

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 40, 40
BAND_COLOUR, LINE, MARK, LOST, INK, GRID = "#cfe3f5", "#2f6fa8", "#1d4e79", "#c2410c", "#333333", "#dddddd"


def picture(
    real: Sequence[Outcome], runs: Sequence[Sequence[Outcome]], span: float, path: Path, title: str
) -> None:
    """Write it. ``span``: seconds of the day that are shown."""
    lower, middle, upper = _band(runs, span)
    shown = [each.wait for each in real if each.wait is not None]
    top = max(60.0, *upper, *shown) if shown else max(60.0, *upper)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, at / span)

    def y(wait: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, wait / top)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="11" fill="{INK}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="16" font-size="13">{escape(title)}</text>',
    ]
    for seconds in range(0, int(top) + 1, _step(top)):
        out.append(f'<path d="M{LEFT} {y(seconds):.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(seconds) + 4:.1f}" text-anchor="end">{seconds} s</text>')
    for minute in range(0, int(span / 60) + 1, 15 if span > 2400 else 5):
        place = x(minute * 60)
        out.append(f'<text x="{place:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{minute}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">menit / minutes</text>')
    middles = [min(span, (index + 0.5) * BIN) for index in range(len(middle))]
    edge = [f"{x(at):.1f},{y(high):.1f}" for at, high in zip(middles, upper, strict=True)]
    edge += [f"{x(at):.1f},{y(low):.1f}" for at, low in reversed(list(zip(middles, lower, strict=True)))]
    out.append(f'<polygon points="{" ".join(edge)}" fill="{BAND_COLOUR}"/>')
    out.append(_line([(x(at), y(value)) for at, value in zip(middles, middle, strict=True)], "4 3"))
    means = by_time(real, span)
    out.append(_line([(x(at), y(v)) for at, v in zip(middles, means, strict=True) if v is not None], ""))
    for each in real:
        if each.wait is None:
            continue
        if each.end == ANSWERED:
            out.append(
                f'<circle cx="{x(each.at):.1f}" cy="{y(each.wait):.1f}" r="2" fill="{MARK}" '
                'fill-opacity="0.55"/>'
            )
        elif each.end == ABANDONED:
            cross = f"M{x(each.at) - 3:.1f} {y(each.wait) - 3:.1f}l6 6m0 -6l-6 6"
            out.append(f'<path d="{cross}" stroke="{LOST}" fill="none"/>')
    legend = (
        (MARK, "dijawab / answered"),
        (LOST, "menutup / gave up"),
        (LINE, "rata-rata / mean (- - simulasi)"),
        (BAND_COLOUR, "95 % simulasi / simulated"),
    )
    place = float(LEFT)
    for colour, words in legend:
        out.append(f'<rect x="{place:.0f}" y="23" width="9" height="9" fill="{colour}"/>')
        out.append(f'<text x="{place + 13:.0f}" y="31">{words}</text>')
        place += 28 + 5.6 * len(words)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*out, "</svg>"]) + "\n", "utf-8")


def _band(runs: Sequence[Sequence[Outcome]], span: float) -> tuple[list[float], list[float], list[float]]:
    """Of the mean waits in each bin over all runs: lower edge, median, upper edge."""
    columns = list(zip(*(by_time(run, span) for run in runs), strict=True))
    known = [[value for value in column if value is not None] for column in columns]
    return (
        [percentile(values, BAND[0]) for values in known],
        [percentile(values, 0.5) for values in known],
        [percentile(values, BAND[1]) for values in known],
    )


def _step(top: float) -> int:
    return next((step for step in (10, 20, 30, 60, 120, 300) if top / step <= 7), 600)


def _line(points: Sequence[tuple[float, float]], dashes: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="1.8"{dashed}/>'
