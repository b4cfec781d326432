"""A broker for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.interfaces.mqtt.house import Mosquitto, free_port


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A broker that takes anybody."""
    broker = Mosquitto(tmp_path, free_port())
    await broker.start()
    yield broker
    await broker.kill()
