"""Which broker: that of the options, or the one that Home Assistant's Supervisor names."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from wallflower.config import Options
from wallflower.errors import WallflowerError
from wallflower.homeassistant.supervisor import Supervisor, SupervisorError, supervisor_of

_PORT, _TLS_PORT = 1883, 8883


class BrokerError(WallflowerError):
    """There is no broker, or it cannot be reached, or refuses."""


@dataclass(frozen=True, slots=True)
class Broker:
    """tls: None without encryption."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        """For people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


async def find_broker(options: Options, environment: Mapping[str, str] = os.environ) -> Broker:
    """The broker, asked for anew each time. Raises OptionsError when a file is none, and BrokerError."""
    if options.mqtt_url:
        return await asyncio.to_thread(broker_of, options)
    supervisor = supervisor_of(environment)
    if supervisor is None:
        raise options.wrong("mqtt_url", "the address of a broker")
    return await _that_of(supervisor, options)


def broker_of(options: Options) -> Broker:
    """The broker of `mqtt_url`. Raises OptionsError when a file is none."""
    url = urlsplit(options.mqtt_url)
    tls = tls_of(options) if url.scheme == "mqtts" else None
    port = url.port or (_TLS_PORT if tls else _PORT)
    return Broker(url.hostname or "", port, options.mqtt_user, options.mqtt_password, tls)


def tls_of(options: Options) -> ssl.SSLContext:
    """The options' certificates. Raises OptionsError when a file is none."""
    try:
        context = ssl.create_default_context(cafile=options.mqtt_ca_file or None)
    except OSError as error:  # SSLError is one
        raise options.wrong(
            "mqtt_ca_file", f"a file of certificates in PEM form ({_reason(error)})"
        ) from error
    if options.mqtt_cert_file:
        try:
            context.load_cert_chain(
                options.mqtt_cert_file, options.mqtt_key_file or None, password=lambda: b""
            )
        except OSError as error:
            allowed = f"a certificate in PEM form with its key in mqtt_key_file ({_reason(error)})"
            raise options.wrong("mqtt_cert_file", allowed) from error
    elif options.mqtt_key_file:
        raise options.wrong("mqtt_cert_file", "a certificate in PEM form, as mqtt_key_file is set")
    return context


async def _that_of(supervisor: Supervisor, options: Options) -> Broker:
    try:
        told: Any = await supervisor.request("GET", "/services/mqtt")
        tls = await asyncio.to_thread(tls_of, options) if told.get("ssl") else None
        return Broker(
            str(told["host"]), int(told["port"]), str(told.get("username") or ""),
            str(told.get("password") or ""), tls,
        )  # fmt: skip
    except SupervisorError as error:
        if error.status == 400:
            raise BrokerError("Home Assistant has no broker: install the add-on Mosquitto broker") from error
        raise BrokerError(str(error)) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BrokerError("what the Supervisor tells of a broker makes no sense") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
