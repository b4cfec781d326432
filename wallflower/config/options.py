"""Every option, stated once: name, default, what is allowed, and what it does.

The files, the environment, the flags, the README's table and the add-on's form all follow this class.
The shape stays flat (scalars, lists, lists of flat mappings), because the add-on's form can show no more.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from wallflower.config import checks, sources
from wallflower.config.stating import stated
from wallflower.errors import ExitCode, WallflowerError


class OptionsError(WallflowerError):
    """One or more options are wrong; the message has a line for each."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the daemon, checked. Durations are in seconds."""

    uri: str = stated(
        "tcp://0.0.0.0:10300",
        checks.wyoming_uri,
        "tcp://HOST:PORT, unix://PATH or stdio://",
        "Where Wyoming clients such as Home Assistant connect.",
    )
    name: str = stated(
        "",
        vol.All(str, vol.Length(max=63), checks.one_line),
        "one line of at most 63 characters; empty: Wallflower and the host's name at the first start",
        "The name under which this box announces itself.",
    )
    model: str = stated(
        "auto",
        checks.identifier,
        "auto, or the id of a model from `wallflower models list`",
        "The model that turns speech into words; auto: the best of those here, by measurement on this box.",
    )
    policy: str = stated(
        "",
        checks.one_of("", "accuracy", "balanced", "speed"),
        "accuracy, balanced or speed; empty: as `power` has it",
        "What to choose by: the fewest errors, as many as can be had within two seconds, or the quickest.",
    )
    device: str = stated(
        "auto",
        checks.device,
        "auto, cpu, gpu, npu, cuda, ..., as `wallflower hardware` names them",
        "The device that models run on.",
    )
    memory_limit: int = stated(
        0,
        checks.whole_number(0, 1_000_000),
        "a whole number of MB; 0: what is free",
        "Memory that models may take.",
    )
    power: str = stated(
        "balanced",
        checks.one_of("performance", "balanced", "powersave"),
        "performance, balanced or powersave",
        "How much of the box to use; a box that gets hot steps down by itself.",
    )
    language: str = stated(
        "en",
        checks.language_or_auto,
        "a language code such as en or en-GB, or auto",
        "The language that is assumed when a client names none; auto: it is detected.",
    )
    languages: list[str] = stated(
        [],
        checks.list_of(checks.language),
        "a list of language codes; empty: all that the model speaks",
        "What can be detected with `language` auto; a client may name other languages that the model speaks.",
    )
    threads: int = stated(
        0,
        checks.whole_number(0, 256),
        "a whole number from 0 to 256; 0: by `power`: one for each core, at most 4 when balanced",
        "Processor threads for the model.",
    )
    endpointing: bool = stated(
        False,
        checks.boolean,
        "true or false",
        "Find the end of a command here, instead of leaving that to the client.",
    )
    max_utterance_seconds: float = stated(
        300.0,
        checks.number(0, 86_400),
        "a number of seconds up to 86400; 0: no limit",
        "A longer utterance is refused with an error.",
    )
    max_clients: int = stated(
        32,
        checks.whole_number(1, 1024),
        "a whole number from 1 to 1024",
        "Wyoming connections at the same time; one more is refused with an error.",
    )
    client_timeout: float = stated(
        300.0,
        checks.number(1, 86_400),
        "a number of seconds from 1 to 86400",
        "A connection that sends nothing for this long is closed.",
    )
    http_port: int = stated(
        0,
        checks.whole_number(0, 65_535),
        "a port from 1 to 65535; 0: none, in the container 8099",
        "Where /healthz, /readyz and the status page are.",
    )
    zeroconf: bool = stated(
        True,
        checks.boolean,
        "true or false",
        "Announce this box on the local network, so that Home Assistant finds it.",
    )
    zeroconf_interfaces: list[str] = stated(
        [],
        checks.list_of(checks.one_line),
        "a list of network interface names; empty: all of them",
        "Announce on these network interfaces only.",
    )
    sources: list[dict[str, Any]] = stated(
        [],
        sources.sources,
        "a list of mappings with name, url, enabled, language, program, gain, sensitivity, speakers, "
        "keep_transcripts, keep_audio",
        "What is listened to all day: cameras, microphones, streams.",
        secret=True,
    )
    source_folders: list[str] = stated(
        [],
        checks.list_of(checks.one_line),
        "a list of folders; empty: none, in the add-on /media and /share",
        "Where files may lie that a source of file:// reads.",
    )
    speakers: bool = stated(
        True,
        checks.boolean,
        "true or false",
        "Tell speakers apart on sources, where the models for it are there; a source can leave it.",
    )
    keep_transcripts: bool = stated(
        True,
        checks.boolean,
        "true or false",
        "Keep what sources hear in the database; a source can leave it, not ask for it.",
    )
    keep_days: int = stated(
        30,
        checks.whole_number(0, 36_500),
        "a whole number of days; 0: for ever",
        "What is older goes.",
    )
    keep_size: int = stated(
        0,
        checks.whole_number(0, 1_000_000),
        "a whole number of MB for each source; 0: no limit",
        "What was kept of a source beyond this goes, the oldest first.",
    )
    keep_audio_size: int = stated(
        1000,
        checks.whole_number(1, 10_000_000),
        "a whole number of MB",
        "What the sound that is kept may take of the disk; the oldest goes first.",
    )
    data_dir: str = stated(
        "",
        vol.All(str, checks.one_line),
        "a folder; empty: /data in the add-on, else ~/.local/share/wallflower",
        "Where models, transcripts and the box's identity are kept.",
    )
    offline: bool = stated(
        False,
        checks.boolean,
        "true or false",
        "Never use the network to fetch a model: a missing one is an error at once.",
    )
    hub_url: str = stated(
        "https://huggingface.co",
        checks.http_url,
        "an http:// or https:// address",
        "The model hub, or a mirror of it.",
    )
    hub_token: str = stated(
        "",
        vol.All(str, checks.one_line),
        "a token of the model hub",
        "Sent to the model hub, for models that need a log-in.",
        secret=True,
    )
    home_assistant_url: str = stated(
        "",
        vol.Any("", checks.http_url),
        "an http:// or https:// address; empty: none, or in the add-on the Home Assistant it belongs to",
        "Home Assistant's address, to learn the names in the house from it.",
    )
    home_assistant_token: str = stated(
        "",
        vol.All(str, checks.one_line),
        "a long-lived access token of Home Assistant",
        "Lets this box ask Home Assistant for the names.",
        secret=True,
    )
    mqtt: bool = stated(
        True,
        checks.boolean,
        "true or false",
        "Connect to an MQTT broker: that of mqtt_url, or in the add-on Home Assistant's.",
    )
    mqtt_url: str = stated(
        "",
        vol.Any("", checks.mqtt_url),
        "mqtt://HOST, mqtts://HOST (TLS), either with :PORT; empty: none, or in the add-on Home Assistant's",
        "The address of an MQTT broker.",
    )
    mqtt_user: str = stated(
        "", vol.All(str, checks.one_line), "one line of text", "The user's name at the MQTT broker."
    )
    mqtt_password: str = stated(
        "", vol.All(str, checks.one_line), "one line of text", "The password at the MQTT broker.", secret=True
    )
    mqtt_ca_file: str = stated(
        "",
        vol.All(str, checks.one_line),
        "a PEM file; empty: those of the system",
        "Certificates that the MQTT broker's must be signed by.",
    )
    mqtt_cert_file: str = stated(
        "",
        vol.All(str, checks.one_line),
        "a PEM file; empty: none",
        "This box's own certificate for the MQTT broker.",
    )
    mqtt_key_file: str = stated(
        "",
        vol.All(str, checks.one_line),
        "a PEM file; empty: the key is in mqtt_cert_file",
        "The key of mqtt_cert_file, without a passphrase.",
    )
    mqtt_discovery_prefix: str = stated(
        "homeassistant",
        checks.topic,
        "an MQTT topic without + and #",
        "The topic under which Home Assistant looks for devices.",
    )
    alerts: list[dict[str, Any]] = stated(
        [],
        checks.list_of(checks.plain_mapping),
        "a list of mappings such as {name: Help, kind: keyword, words: help}",
        "What to tell at once when it is heard, or is not heard.",
    )
    webhooks: list[dict[str, Any]] = stated(
        [],
        checks.list_of(checks.plain_mapping),
        "a list of mappings such as {url: https://example.org/alerts, secret: ...}",
        "Where alerts are posted to, as JSON.",
        secret=True,
    )
    home_assistant_alerts: list[str] = stated(
        ["event"],
        checks.list_of(checks.alert_way),
        "a list of event, or services such as notify.mobile_app_phone; empty: none",
        "How Home Assistant is told of alerts, where its address or its Supervisor is known.",
    )
    log_level: str = stated(
        "info",
        checks.one_of("debug", "info", "warning", "error"),
        "debug, info, warning or error",
        "How much is logged. What was said appears at debug only.",
    )
    log_format: str = stated(
        "text",
        checks.one_of("text", "json"),
        "text or json",
        "How log lines on standard error look.",
    )
    log_file: str = stated(
        "",
        vol.All(str, checks.one_line),
        "a file; empty: none",
        "Log to this file too, as JSON; it is rotated at 5 MB and three old ones are kept.",
    )

    origins: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    """Where each option that is not at its default came from. No option itself."""

    def wrong(self, name: str, allowed: str) -> OptionsError:
        """The error for an option whose value passed its check but makes no sense on this box."""
        origin = self.origins.get(name, "default")
        return OptionsError(f"{origin}: option {name!r} is {getattr(self, name)!r}; allowed: {allowed}")

    def wrong_entry(self, name: str, number: int, problem: str) -> OptionsError:
        """The error for one entry of a list, counted from 1, that makes no sense."""
        origin = self.origins.get(name, "default")
        return OptionsError(f"{origin}: option {name!r}, entry {number}: {problem}")


FIELDS: dict[str, "dataclasses.Field[Any]"] = {f.name: f for f in dataclasses.fields(Options) if f.metadata}
"""The options by name."""


def default_of(name: str) -> Any:
    """The default of an option."""
    field = FIELDS[name]
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
