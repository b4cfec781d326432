"""Home Assistant, as the tests of its room have it."""

from tests.homeassistant.conftest import house, serve

__all__ = ["house", "serve"]
