"""A Supervisor for one add-on: its envelope, its tokens, its refusals. Read from Supervisor 2026.08.

As a program, for the check of the image: python -m tests.homeassistant.made_supervisor PORT CONFIG LOG BROKER
"""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.typedefs import Handler

TOKEN = "0123456789abcdef-of-this-add-on"

_ASKED_FREELY = ("services", "discovery", "info")
"""What an add-on may ask for without further rights, beside itself."""


class MadeSupervisor:
    """broker: what it tells of MQTT, None for none. discovered: what was announced, by its id. starting: it
    answers nobody yet. log: a file that each request is added to, or None.
    """

    def __init__(self, config: Path, log: Path | None = None) -> None:
        self.config: dict[str, Any] = yaml.safe_load(config.read_text("utf-8"))
        self.broker: dict[str, Any] | None = None
        self.discovered: dict[str, dict[str, Any]] = {}
        self.starting = False
        self._log = log

    def application(self) -> web.Application:
        """It, to be served."""
        app = web.Application(middlewares=[self._guard])
        add = app.router.add_route
        add("GET", "/supervisor/ping", _empty)
        add("GET", "/services/{service}", self._service)
        add("POST", "/discovery", self._discover)
        add("GET", "/addons/self/info", self._self_info)
        add("GET", "/core/{path:.*}", _no_core)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Who asks, and may they? The refusals of a token are plain text."""
        if self._log is not None:
            await self._note(request)
        if self.starting:
            return _error("System is not ready with state: setup", 400)
        if request.path.startswith(("/core/", "/supervisor/ping")):
            return await handler(request)
        token = (
            request.headers.get("X-Supervisor-Token")
            or request.headers.get("Authorization", "").split(" ")[-1]
        )
        if not token:
            return web.Response(status=401, text="401: Unauthorized")
        first, *rest = request.path.strip("/").split("/")
        itself = first == "addons" and rest[:1] == ["self"]
        if token != TOKEN or not (itself or first in _ASKED_FREELY):
            return web.Response(status=403, text="403: Forbidden")
        return await handler(request)

    async def _note(self, request: web.Request) -> None:
        assert self._log is not None
        with self._log.open("a", encoding="utf-8") as log:
            log.write(
                json.dumps({"asked": f"{request.method} {request.path}", "body": await request.text()}) + "\n"
            )

    async def _service(self, request: web.Request) -> web.Response:
        name = request.match_info["service"]
        if name not in {each.split(":")[0] for each in self.config.get("services", ())}:
            return _error(f"Service {name} is not declared in config.yaml", 403)
        if name != "mqtt" or self.broker is None:
            return _error("Service not enabled", 400)
        return _ok(self.broker)

    async def _discover(self, request: web.Request) -> web.Response:
        try:
            message = json.loads(await request.text())
        except ValueError:
            return _error("Invalid json", 400)
        if set(message) != {"service", "config"} or not isinstance(message["config"], dict):
            return _error("expected service and config", 400)
        if message["service"] not in self.config.get("discovery", ()):
            return _error("This service is not declared under discovery in config.yaml", 403)
        known = [key for key, each in self.discovered.items() if each["service"] == message["service"]]
        key = known[0] if known else uuid.uuid4().hex
        self.discovered[key] = message
        return _ok({"uuid": key})

    async def _self_info(self, _request: web.Request) -> web.Response:
        slug = self.config["slug"]
        return _ok(
            {
                "name": self.config["name"],
                "slug": f"local_{slug}",
                "hostname": f"local-{slug}".replace("_", "-"),
                "version": self.config["version"],
                "state": "started",
                "options": self.config["options"],
                "ip_address": "172.30.33.5",
                "ingress_entry": "/api/hassio_ingress/token",
                "network": self.config.get("ports"),
            }
        )


async def _empty(_request: web.Request) -> web.Response:
    return _ok({})


async def _no_core(_request: web.Request) -> web.Response:
    """Home Assistant is not up."""
    return web.Response(status=502, text="502: Bad Gateway")


def _ok(data: Any) -> web.Response:
    return web.json_response({"result": "ok", "data": data})


def _error(message: str, status: int) -> web.Response:
    return web.json_response({"result": "error", "message": message}, status=status)


def main() -> None:
    """Serve until it is ended. BROKER is HOST:PORT:USER:PASSWORD."""
    port, config, log, broker = sys.argv[1:]
    host, mqtt_port, user, password = broker.split(":")
    made = MadeSupervisor(Path(config), Path(log))
    made.broker = {
        "addon": "core_mosquitto", "host": host, "port": int(mqtt_port), "ssl": False,
        "protocol": "3.1.1", "username": user, "password": password,
    }  # fmt: skip
    web.run_app(made.application(), host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main()
