"""Pages for people: HTML from a Liquid template, self-contained, without scripts, every value escaped."""

from __future__ import annotations

from typing import Any

from liquid import Environment, StrictUndefined

# What such a page may load, as it is and inside its frames: nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: #1f2933; background: #f7f8fa; }
body { margin: 0; }
main { max-width: 1320px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 32px 0 8px; }
p { margin: 6px 0; } a { color: #0b5fa5; } .muted { color: #66727f; } .mono { font: 13px ui-monospace, monospace; }
.card { background: #fff; border: 1px solid #e3e7ec; border-radius: 8px; padding: 16px 18px; margin: 14px 0; }
.wide { overflow-x: auto; padding: 4px 0; }
table { border-collapse: collapse; width: 100%; background: #fff; }
th, td { text-align: left; padding: 7px 12px; border-bottom: 1px solid #edf0f3; vertical-align: top; }
tr:last-child td { border-bottom: 0; } th { font-weight: 600; color: #52606d; font-size: 13px; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pill { display: inline-block; border-radius: 10px; padding: 0 9px; font-size: 13px; white-space: nowrap; }
.pill.good { background: #e0f2e5; color: #17663a; } .pill.warn { background: #fdf0d0; color: #7a5200; }
.pill.bad { background: #fbe1de; color: #98231a; } .pill.plain { background: #e8ecf1; color: #44515e; }
.told { border-left: 4px solid #b8c2cc; } .told.good { border-left-color: #2f9e5b; }
.told.warn { border-left-color: #d99a1c; } .told.bad { border-left-color: #cf4437; }
.told p:first-child { font-weight: 600; }
.dense th, .dense td { padding: 6px 8px; font-size: 13.5px; } .dense th { font-size: 12.5px; }
.counts { display: flex; flex-wrap: wrap; gap: 10px; margin: 14px 0; }
.counts div { background: #fff; border: 1px solid #e3e7ec; border-radius: 8px; padding: 8px 14px; min-width: 78px; }
.counts b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; }
.mail { display: grid; grid-template-columns: minmax(250px, 380px) 1fr; gap: 18px; }
.mail iframe { width: 100%; height: 420px; border: 1px solid #e3e7ec; border-radius: 6px; background: #fff; }
.mail td { padding: 3px 8px 3px 0; font-size: 13px; overflow-wrap: anywhere; } .mail td:first-child { color: #66727f; }
.subject { font-weight: 600; margin: 0 0 8px; overflow-wrap: anywhere; }
@media (max-width: 760px) { .mail { grid-template-columns: 1fr; } }
</style>
</head>
<body><main>
"""
_END = "</main></body></html>\n"

_PAGES = Environment(autoescape=True, undefined=StrictUndefined)


def html_page(title: str, body: str, **values: Any) -> str:
    """A whole page.

    Args:
        title: its title.
        body: what is between the tags of its body, in Liquid.
        values: what `body` names; it must name nothing else.
    """
    return _PAGES.from_string(_FRAME + body + _END).render(title=title, policy=POLICY, **values)
