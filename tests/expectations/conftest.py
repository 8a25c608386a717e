"""The good lake of the tests of quality."""

from tests.quality.conftest import lake

__all__ = ["lake"]
