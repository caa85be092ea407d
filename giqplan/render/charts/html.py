"""A chart as one HTML file: the SVG, tips for pointer, finger and keyboard, and a table of all that is drawn. It loads nothing."""

from __future__ import annotations

import base64
import hashlib

from giqplan.render.charts.chart import Chart
from giqplan.render.charts.scale import number
from giqplan.render.charts.scene import scene
from giqplan.render.charts.svg import GENERATOR, drawn, text

_STYLE = """
body { font: 14px/1.5 "DejaVu Sans", Verdana, Arial, sans-serif; color: #1a1a1a; background: #fff; margin: 16px auto;
  max-width: 1000px; }
svg { max-width: 100%; height: auto; display: block; }
.spot { cursor: pointer; } .spot:hover, .spot:focus { stroke: #000; stroke-width: 3; outline: none; }
#tip { position: fixed; display: none; max-width: 440px; padding: 8px 12px; background: #1a1a1a; color: #fff; border-radius: 4px;
  font-size: 12px; pointer-events: none; z-index: 1; overflow-wrap: anywhere; }
#tip div:first-child { font-weight: bold; }
table { border-collapse: collapse; margin: 8px 0 24px; font-size: 12px; }
th, td { border: 1px solid #ccc; padding: 3px 8px; text-align: left; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } details { margin: 8px 24px; } summary { cursor: pointer; }
"""

_SCRIPT = """
"use strict";
(() => {
  const spots = [...document.querySelectorAll(".spot")];
  const tip = document.getElementById("tip");
  const left = new Map(spots.map((spot) => [spot, spot.getBoundingClientRect().x]));
  const order = [...spots].sort((a, b) => left.get(a) - left.get(b));
  const show = (spot) => {
    tip.replaceChildren(...JSON.parse(spot.dataset.tip).map((line) => {
      const div = document.createElement("div");
      div.textContent = line;
      return div;
    }));
    tip.style.display = "block";
    const box = spot.getBoundingClientRect(), own = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(box.right + 8, innerWidth - own.width - 8)) + "px";
    tip.style.top = Math.max(4, box.top - own.height - 8 < 4 ? box.bottom + 8 : box.top - own.height - 8) + "px";
  };
  const hide = () => { tip.style.display = "none"; };
  const go = (at) => {
    order.forEach((spot) => spot.setAttribute("tabindex", "-1"));
    const spot = order[(at + order.length) % order.length];
    spot.setAttribute("tabindex", "0");
    spot.focus();
  };
  order.forEach((spot, at) => {
    spot.setAttribute("tabindex", at ? "-1" : "0");
    spot.addEventListener("pointerenter", () => show(spot));
    spot.addEventListener("pointerleave", hide);
    spot.addEventListener("click", () => go(at));
    spot.addEventListener("focus", () => show(spot));
    spot.addEventListener("blur", hide);
    spot.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: order.length - 1 }[event.key];
      if (event.key === "Escape") { hide(); }
      if (to !== undefined) { event.preventDefault(); go(to); }
    });
  });
})();
"""


def html(chart: Chart) -> str:
    """The page. Its policy lets the one script in it run, by its hash, and nothing else, whatever a name in the chart may hold."""
    allowed = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="en" {GENERATOR}>',
            '<head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{text(chart.title)}</title>",
            f"<style>{_STYLE}</style></head>",
            "<body><main>",
            drawn(chart, scene(chart), focusable=True),
            "<details><summary>The points as a table (in the chart: Tab, then the arrow keys)</summary>",
            _table(chart),
            "</details></main>",
            '<div id="tip" role="status" aria-live="polite"></div>',
            f"<script>{_SCRIPT}</script>",
            "</body></html>",
            "",
        )
    )


def _table(chart: Chart) -> str:
    titles = ("point", chart.x.title, chart.y.title, "more")
    head = "".join(f'<th scope="col">{text(title)}</th>' for title in titles)
    rows = (
        f'<tr><td>{text(mark.tip[0])}</td><td class="n">{number(mark.x)}</td><td class="n">{number(mark.y)}</td>'
        f"<td>{text('; '.join(mark.tip[1:]))}</td></tr>"
        for mark in sorted(chart.marks, key=lambda m: (m.tip[0], m.x, m.y))
    )
    return "\n".join(("<table>", f"<tr>{head}</tr>", *rows, "</table>"))
