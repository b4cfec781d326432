"""What this server says of itself: the `info` event.

Home Assistant needs every field, matches languages letter by letter, and shows the name of the first
program.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from wyoming.info import AsrModel, AsrProgram, Attribution, Info

from wallflower import __version__
from wallflower.languages import base_language
from wallflower.models.catalog import Model

PROGRAM = "Wallflower"
"""The program's name. Part of the id under which Home Assistant remembers this server: never change it."""

FAST_PROGRAM, ACCURATE_PROGRAM = "fast", "accurate"
"""More programs, for clients that select one; Home Assistant takes the first."""

HOMEPAGE = "https://github.com/wallflower-listens/wallflower"

# Home Assistant's pipelines ask for a regional language where the user chose one, and take nothing
# but an exact match. A model speaks all regions of its language.
_REGIONS = {
    "en": ("US", "GB", "AU", "CA", "IE", "IN", "NZ", "ZA"),
}


def language_variants(languages: Iterable[str]) -> list[str]:
    """Each language, followed by its regional forms that Home Assistant may ask for."""
    return [
        variant
        for language in languages
        for variant in (language, *(f"{language}-{region}" for region in _REGIONS.get(language, ())))
    ]


def info_of(
    model: Model, *, quick: Model | None = None, endpointing: bool = False, trouble: str = ""
) -> Info:
    """The `info` event of a server whose words come from `model`.

    quick: of an engine that is quicker; None where there is none. endpointing: whether we tell when a speaker
    has finished. trouble: what is not as it should be.
    """
    programs = [(PROGRAM, "Local speech recognition by Wallflower", model)]
    if quick is not None:
        programs += [
            (ACCURATE_PROGRAM, "The same: the most accurate words", model),
            (FAST_PROGRAM, "Quicker, with more errors", quick),
        ]
    return Info(
        asr=[
            AsrProgram(
                name=name,
                description="; ".join(filter(None, [description, trouble])),
                attribution=Attribution(name="The Wallflower authors", url=HOMEPAGE),
                installed=True,
                version=__version__,
                models=[_model(each)],
                supports_transcript_streaming=True,
                requires_external_vad=not endpointing,
            )
            for name, description, each in programs
        ]
    )


def listing(info: Info, languages: Collection[str]) -> Info:
    """The same, with only these languages of each model; with all of one that speaks none of them."""
    programs = []
    for program in info.asr:
        models = []
        for model in program.models:
            spoken = [code for code in model.languages if base_language(code) in languages]
            models.append(replace(model, languages=spoken or model.languages))
        programs.append(replace(program, models=models))
    return replace(info, asr=programs)


def _model(model: Model) -> AsrModel:
    return AsrModel(
        name=model.id,
        description=model.title,
        attribution=Attribution(name=model.author, url=model.url),
        installed=True,
        version=model.version,
        languages=language_variants(model.languages),
    )
