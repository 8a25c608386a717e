"""Liquid without files, without a way around escaping, and with an end.

A value that is null is left out when a template is rendered: such a name is false in a condition, works with the filter
`default`, and is an error anywhere else.
"""

from __future__ import annotations

from liquid import Environment, FalsyStrictUndefined


class LimitedEnvironment(Environment):
    """Liquid for templates whose authors are not trusted with files or endless loops."""

    loop_iteration_limit = 10_000
    local_namespace_limit = 1_000_000
    output_stream_limit = 2_000_000

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """The standard ones, less those that read other templates or pass a value unescaped."""
        super().setup_tags_and_filters(extra=extra)
        for tag in ("include", "render"):
            del self.tags[tag]
        del self.filters["safe"]


HTML = LimitedEnvironment(autoescape=True, undefined=FalsyStrictUndefined)
TEXT = LimitedEnvironment(undefined=FalsyStrictUndefined)
