"""axe-core on a page as it stands: what it finds, one line each."""

from __future__ import annotations

import functools

from playwright.async_api import Page

from psap.platform.settings import ROOT

AXE = ROOT / "console" / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@functools.cache
def _source() -> str:
    return AXE.read_text("utf-8")


async def findings(page: Page) -> list[str]:
    """``rule: why, where`` for each violation; empty: axe found nothing.

    The script is evaluated by the debugger: the page's Content-Security-Policy stays in force.
    """
    await page.evaluate(_source())
    found: list[str] = await page.evaluate(
        """async (tags) => {
            const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: tags } })
            const line = (rule, node) => `${rule.id}: ${node.failureSummary} ${node.html.slice(0, 200)}`
            return violations.flatMap((rule) => rule.nodes.map((node) => line(rule, node)))
        }""",
        RULES,
    )
    return found
