"""A home with declared sources, as the tests of sources have it."""

from tests.sources.conftest import home

__all__ = ["home"]
