"""A real server on a free port, with the real engine, and a way to talk to it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error

from tests.households import nobody
from tests.interfaces.wyoming.conversation import START, answer, send
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.info import info_of
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.listening.ears import Ears
from wallflower.models.catalog import find_model

Ask = Callable[..., Awaitable[Transcript | Error | None]]


@pytest.fixture
def service(ears: Ears) -> Service:
    """What the server's connections offer."""
    return Service(
        ears=ears,
        describe=lambda: info_of(find_model("moonshine-tiny-en")),
        language="en",
        endpointing=False,
        max_utterance_seconds=60,
        client_timeout=5,
        household=nobody(),
    )


@pytest.fixture
async def uri(service: Service) -> AsyncIterator[str]:
    """The address of a server for at most 150 clients."""
    server = WyomingServer("tcp://127.0.0.1:0", service, max_clients=150)
    await server.open()
    yield f"tcp://127.0.0.1:{server.port}"
    await server.close()


@pytest.fixture
def ask() -> Ask:
    """Sends one utterance on a connection and gives back the transcript, the error, or None at its end."""

    async def ask(
        client: AsyncClient,
        samples: NDArray[np.int16],
        *,
        request: Transcribe | None = None,
        block: int = 1024,
    ) -> Transcript | Error | None:
        await client.write_event((request or Transcribe(language="en")).event())
        await client.write_event(START)
        await send(client, samples, block=block)
        await client.write_event(AudioStop().event())
        for event in await answer(client):
            if Transcript.is_type(event.type):
                return Transcript.from_event(event)
            if Error.is_type(event.type):
                return Error.from_event(event)
        return None

    return ask
