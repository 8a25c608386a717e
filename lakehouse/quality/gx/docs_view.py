"""How Data Docs look: the pages of Great Expectations with a style of their own.

The stock pages load styles, scripts and a logo (with the id of the installation) from other servers: they cannot be
read offline, and those servers see who looks at them. These pages need nothing but the file.
"""

from __future__ import annotations

from types import CodeType
from typing import cast

from great_expectations.render.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2 import BaseLoader, BytecodeCache, ChoiceLoader, DictLoader, Environment
from jinja2.bccache import Bucket

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2733; background: #f5f7f9;
  margin: 0 auto; max-width: 1280px; padding: 24px 32px 64px; }
header { border-bottom: 1px solid #cfd8e0; margin-bottom: 16px; padding-bottom: 8px; }
a { color: #0b62a8; text-decoration: none; }
h1, h2, h3, h4, h5, h6 { line-height: 1.2; margin: 18px 0 8px; }
table { border-collapse: collapse; width: 100%; background: #fff; margin-bottom: 16px; }
th, td { border: 1px solid #dde4ea; padding: 5px 10px; text-align: left; vertical-align: top; }
th { background: #eaf0f5; }
td p { margin: 0; }
details { margin: 8px 0 16px; }
.ge-failed-icon::before, .fa-times::before { content: "\\2717"; color: #b3261e; font-weight: bold; font-style: normal; }
.ge-success-icon::before, .fa-check-circle::before {
  content: "\\2713"; color: #1b7f3b; font-weight: bold; font-style: normal; }
.fa-exclamation-triangle::before { content: "\\26A0"; color: #9a6700; font-style: normal; }
.cooltip .top, .d-none { display: none; }
.note { color: #51606e; }
"""

_HEAD = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="UTF-8">
    <meta name="viewport" content="width=device-width, initial-scale=1.0">
    <title>Quality gates{{ ': ' ~ page_title if page_title else '' }}</title>
    <style>{% include 'self_contained.css' %}</style>
  </head>
"""

_NOTE = (
    '<p class="note">Failed means that at least one rule does not hold.'
    " Only rules marked blocking stop a run; those marked warning are reported.</p>"
)

_TEMPLATES = {
    "self_contained.css": _STYLE,
    "page.j2": _HEAD
    + """  <body>
    {% set up = (expectation_suite_name or '').count('.') + (4 if 'ValidationResults' in renderer_type else 1) %}
    <header><a href="{{ '../' * up }}index.html">Quality gates</a> / {{ page_title }}</header>
"""
    + _NOTE
    + """
    {% for section in sections %}{% set section_loop = loop %}{% include 'section.j2' %}{% endfor %}
  </body>
</html>
""",
    "index_page.j2": _HEAD
    + """  <body>
    <header><h1>Quality gates</h1></header>
"""
    + _NOTE
    + """
    {% for section in sections %}{% set section_loop = loop %}{% include 'section.j2' %}{% endfor %}
  </body>
</html>
""",
    "tabs.j2": """{% set titles = {
  'Validation Results': 'Gates, newest first',
  'Expectation Suites': 'Rules of each table',
} %}
{% for tab in content_block['tabs'] %}<h2>{{ titles.get(tab.get('tab_name'), tab.get('tab_name', '')) }}</h2>
{{ tab.get('tab_content') | render_content_block(content_block_id=content_block_id ~ '-' ~ loop.index) }}
{%- endfor %}""",
    "bootstrap_table.j2": """{% set hidden = ['batch_identifier', 'asset_name'] %}
<table>
  <thead><tr>
    {%- for column in content_block['table_columns'] if column['field'] not in hidden -%}
    <th>{{ column['title'] }}</th>
    {%- endfor -%}
  </tr></thead>
  <tbody>{% for row in content_block['table_data'] %}<tr>
    {% for column in content_block['table_columns'] if column['field'] not in hidden %}
    {% set cell = row.get(column['field'], '') | render_content_block %}
    {% set shown = cell | string | striptags if column['field'] == 'expectation_suite_name' else cell %}
    <td>
    {%- if row.get('_table_row_link_path') and '<' not in shown -%}
    <a href="{{ row['_table_row_link_path'] }}">{{ shown | trim }}</a>
    {%- else %}{{ shown }}{% endif -%}
    </td>{% endfor %}
  </tr>{% endfor %}</tbody>
</table>""",
    "collapse.j2": """<details><summary>More about this gate</summary>
{% for block in content_block['collapse'] -%}
{{ block | render_content_block(content_block_id=content_block_id ~ '-' ~ loop.index) }}
{%- endfor %}</details>""",
}


class SelfContainedPageView(DefaultJinjaPageView):
    """Page of a gate or of a suite."""

    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        super().__init__(custom_styles_directory, custom_views_directory)
        _use_templates(self.env)


class SelfContainedIndexView(DefaultJinjaIndexPageView):
    """The first page."""

    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        super().__init__(custom_styles_directory, custom_views_directory)
        _use_templates(self.env)


def _use_templates(env: Environment) -> None:
    """Look for templates here before the stock ones; compile each once per process, though every page is a new view."""
    env.loader = ChoiceLoader([DictLoader(_TEMPLATES), cast(BaseLoader, env.loader)])
    env.bytecode_cache = _COMPILED


class _CompiledTemplates(BytecodeCache):
    """Compiled templates by their checksum, in memory."""

    def __init__(self) -> None:
        self.code: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.code.get(bucket.key + bucket.checksum)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self.code[bucket.key + bucket.checksum] = bucket.code


_COMPILED = _CompiledTemplates()
