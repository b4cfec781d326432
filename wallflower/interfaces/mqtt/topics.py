"""The names of all topics."""

from dataclasses import dataclass

ROOT = "wallflower"

SHARED_REQUESTS = f"{ROOT}/transcribe"
"""Requests for any box; the boxes share them."""
SHARED_SUBSCRIPTION = f"$share/{ROOT}/{SHARED_REQUESTS}"

SOURCE_STATES = ("speech", "speaker", "transcript", "level", "state")
"""What is retained of a source. The state is cleared last: as long as it is there, so is the source."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Those of one box. box: its id. discovery_prefix: where Home Assistant looks."""

    box: str
    discovery_prefix: str

    @property
    def status(self) -> str:
        """Whether the box is there."""
        return self.of_box("status")

    def of_box(self, what: str) -> str:
        """Something about the box."""
        return f"{ROOT}/{self.box}/{what}"

    def of_source(self, source: str, what: str) -> str:
        """Something about a source; + for all of them."""
        return f"{ROOT}/{self.box}/{source}/{what}"

    def device_id(self, source: str = "") -> str:
        """What Home Assistant knows the source by, or without one the box."""
        return f"{ROOT}_{self.box}_{source}" if source else f"{ROOT}_{self.box}"

    def discovery(self, source: str = "") -> str:
        """Where the source, or without one the box, tells Home Assistant of itself."""
        return f"{self.discovery_prefix}/device/{self.device_id(source)}/config"

    @property
    def speakers_requests(self) -> str:
        """Where it is asked for that a speaker is enrolled, renamed and so on."""
        return self.of_box("speakers/set")

    @property
    def home_assistant(self) -> str:
        """Where Home Assistant tells that it is there."""
        return f"{self.discovery_prefix}/status"
