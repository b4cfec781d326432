"""The daemon as Supervisor starts it: options, token and API from there; watched and seen through HTTP."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.homeassistant.made_supervisor import TOKEN, MadeSupervisor

_CONFIG = Path(__file__).parents[1] / "config.yaml"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def _supervisor() -> AsyncIterator[tuple[MadeSupervisor, int]]:
    made, port = MadeSupervisor(_CONFIG), _free_port()
    runner = web.AppRunner(made.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield made, port
    finally:
        await runner.cleanup()


async def test_ready_announced_and_ended(data_dir: Path) -> None:
    port, http_port = _free_port(), _free_port()
    async with _supervisor() as (made, api), aiohttp.ClientSession() as session:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wallflower", "run",
            "--uri", f"tcp://127.0.0.1:{port}", "--data-dir", str(data_dir), "--offline",
            "--log-format", "json", "--model", "moonshine-tiny-en", "--http-port", str(http_port),
            stderr=subprocess.PIPE,
            env={**os.environ, "SUPERVISOR_TOKEN": TOKEN, "SUPERVISOR_API": f"http://127.0.0.1:{api}"},
        )  # fmt: skip
        try:
            assert process.stderr is not None
            events: list[str] = []
            async with asyncio.timeout(120):
                while not {"announced to Home Assistant", "ready"} <= set(events):
                    line = await process.stderr.readline()
                    assert line, events
                    with contextlib.suppress(ValueError):
                        events.append(json.loads(line)["event"])
            assert [each["config"] for each in made.discovered.values()] == [
                {"uri": f"tcp://local-wallflower:{port}"}
            ]
            assert "announced on the network" not in events  # that is Supervisor's business here
            base = f"http://127.0.0.1:{http_port}"
            async with session.get(f"{base}/readyz") as response:
                assert response.status == 200
                assert set((await response.json())["parts"].values()) == {"working"}
            async with session.get(base) as response:
                assert response.status == 403  # ingress alone sees the page
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()
