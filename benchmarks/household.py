"""Made-up households: names of devices, areas and people, and sentences with them, spoken by espeak-ng.

There are two lists of 50 names in one style. Each name is said at least once by its own household, and is a
decoy for the other. Voices and speeds differ between the two, so that one can be tuned on and the other
reported. The voices are those whose ordinary sentences, without names, the models understand.
"""

import random
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from command import BenchmarkError
from corpus import Clip

SENTENCES = 60


@dataclass(frozen=True, slots=True)
class Household:
    """Names, and how the people there speak. voices: espeak-ng's. speeds: words a minute."""

    devices: tuple[str, ...]
    areas: tuple[str, ...]
    people: tuple[str, ...]
    voices: tuple[str, ...]
    speeds: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, as a house would list them."""
        return self.devices + self.areas + self.people


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence spoken, and the names in it."""

    clip: Clip
    names: tuple[str, ...]


TUNED_ON = Household(
    devices=(
        "Hallway Sconce",
        "Reading Lamp",
        "Vine Lights",
        "Roomba Rosie",
        "Nanoleaf Shapes",
        "Porch Lantern",
        "Dyson Fan",
        "Velux Skylight",
        "Eve Thermo",
        "Wine Cooler",
        "Patio Heater",
        "Hue Bloom",
        "Bedside Glow",
        "Garage Opener",
        "Towel Warmer",
        "Fishtank Pump",
        "Shelly Relay",
        "Laundry Vent",
        "Drinks Fridge",
        "Gable Camera",
        "Sonos Arc",
        "Curtain Motor",
        "Boiler Valve",
        "Nursery Mobile",
    ),
    areas=(
        "Mudroom",
        "Box Room",
        "Orangery",
        "Larder",
        "Tool Shed",
        "Playroom",
        "Cloakroom",
        "Sewing Room",
        "Boot Room",
        "Undercroft",
        "West Landing",
        "Verandah",
    ),
    people=(
        "Annika",
        "Bartholomew",
        "Cordelia",
        "Dimitri",
        "Esther",
        "Florian",
        "Greta",
        "Henrik",
        "Isolde",
        "Jasper",
        "Keiko",
        "Lorenzo",
        "Marguerite",
        "Nikhil",
    ),
    voices=("en-us+f2", "en-us", "en-gb-x-gbclan", "en-us+m3", "en-gb"),
    speeds=(140, 155, 170),
)

REPORTED = Household(
    devices=(
        "Lounge Lamp",
        "Lava Lamp",
        "Tradfri Bulb",
        "Landing Dimmer",
        "Ceiling Rose",
        "Roborock",
        "Nuki Lock",
        "Kettle Plug",
        "Aqara Sensor",
        "Pond Pump",
        "Heron Light",
        "Desk Strip",
        "Attic Hatch",
        "Robin's Monitor",
        "Freezer Alarm",
        "Sauna Stove",
        "Ring Doorbell",
        "Pantry Spots",
        "Awning",
        "Bassinet Speaker",
        "Fairy Lights",
        "Tado Valve",
        "Compost Tumbler",
        "Chimney Damper",
    ),
    areas=(
        "Scullery",
        "Snug",
        "Conservatory",
        "Linen Closet",
        "Carport",
        "Music Room",
        "Guest Annexe",
        "Wet Room",
        "Greenhouse",
        "Mezzanine",
        "Root Cellar",
        "East Terrace",
    ),
    people=(
        "Agnieszka",
        "Benedikt",
        "Clementine",
        "Desmond",
        "Eleni",
        "Fergus",
        "Giovanna",
        "Hamish",
        "Ingrid",
        "Joachim",
        "Kasimir",
        "Leonora",
        "Matthias",
        "Ottoline",
    ),
    voices=("en-us+f3", "en-gb-x-rp", "en-us+m4", "en-us+f1", "en-gb-x-gbcwmd"),
    speeds=(135, 150, 165),
)

_OF_A_DEVICE = (
    "turn on the {}",
    "please switch off the {}",
    "is the {} still on",
    "set the {} to forty percent",
    "what is the state of the {}",
    "how long has the {} been running",
)
_OF_AN_AREA = (
    "what is the temperature in the {}",
    "turn off everything in the {}",
    "is anyone in the {}",
    "make it warmer in the {}",
    "play some jazz in the {}",
)
_OF_A_PERSON = (
    "where is {}",
    "tell {} that dinner is ready",
    "is {} at home",
    "when did {} leave the house",
    "remind {} to water the plants",
)
_OF_TWO = "turn on the {} in the {}"


def speak(house: Household, folder: Path, *, seed: int = 1) -> list[Spoken]:
    """Have SENTENCES spoken into WAV files in `folder`: each name once, then devices in areas.

    Raises BenchmarkError when espeak-ng is missing or fails.
    """
    if shutil.which("espeak-ng") is None:
        raise BenchmarkError("espeak-ng is not installed; get it with: sudo apt-get install espeak-ng")
    spoken = []
    for number, (text, names) in enumerate(sentences(house, seed=seed)):
        path = folder / f"{number:02}.wav"
        voice, speed = house.voices[number % len(house.voices)], house.speeds[number % len(house.speeds)]
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(path), text]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0 or not path.is_file():
            raise BenchmarkError(f"espeak-ng failed: {result.stderr.strip() or result.returncode}")
        spoken.append(Spoken(Clip(path, text), names))
    return spoken


def sentences(house: Household, *, seed: int) -> list[tuple[str, tuple[str, ...]]]:
    """What is said in a household, with the names in each sentence; the same for the same seed."""
    chance = random.Random(seed)
    said: list[tuple[str, tuple[str, ...]]] = []
    kinds: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = (
        (house.devices, _OF_A_DEVICE),
        (house.areas, _OF_AN_AREA),
        (house.people, _OF_A_PERSON),
    )
    for names, patterns in kinds:
        said += [
            (patterns[number % len(patterns)].format(name), (name,)) for number, name in enumerate(names)
        ]
    while len(said) < SENTENCES:
        pair = chance.choice(house.devices), chance.choice(house.areas)
        said.append((_OF_TWO.format(*pair), pair))
    chance.shuffle(said)
    return said
