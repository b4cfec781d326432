"""`wallflower speakers`: who is heard, their names and voices."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from wallflower.cli.speaker_models import speaker_models
from wallflower.cli.speakers_forms import (
    as_line,
    as_object,
    counted,
    identified_as_line,
    identified_as_object,
)
from wallflower.config import Options, OptionsError
from wallflower.config.places import data_dir, writable_data_dir
from wallflower.errors import ExitCode, WallflowerError
from wallflower.listening.enrolling import (
    enrol,
    enrol_from_utterances,
    export_people,
    import_people,
    merge,
    sound_of,
)
from wallflower.listening.identifying import check_enrolled, identify
from wallflower.speakers.recognition import Verdict
from wallflower.speakers.voiceprint import VoiceprintError
from wallflower.storage.database import DATABASE_NAME, prepare, reading, writing
from wallflower.storage.errors import StorageError
from wallflower.storage.forgetting import Forget, count_of
from wallflower.storage.sounds import SOUNDS_NAME
from wallflower.storage.speaker_names import name_of_person
from wallflower.storage.speakers import (
    SpeakerCount,
    StoredSpeaker,
    find_speaker,
    forget_speaker,
    list_speakers,
    rename_speaker,
    speaker_counts,
    split_speaker,
)


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Run one of the actions."""
    if parsed.action == "forget":
        return _forget(parsed, data_dir(options))
    actions = {
        "list": _list,
        "enrol": _enrol,
        "identify": _identify,
        "rename": _rename,
        "merge": _merge,
        "split": _split,
        "export": _export,
        "import": _import,
    }
    return asyncio.run(actions[parsed.action](parsed, options))


async def _list(parsed: argparse.Namespace, options: Options) -> int:
    speakers: tuple[StoredSpeaker, ...] = ()
    counts: dict[int, SpeakerCount] = {}
    path = _database(options)
    if path.exists():
        async with reading(path) as db:
            speakers, counts = await list_speakers(db), await speaker_counts(db)
    if parsed.json:
        about = [as_object(speaker, counts.get(speaker.id)) for speaker in speakers]
        print(json.dumps({"speakers": about}, ensure_ascii=False))
        return ExitCode.OK
    for speaker in speakers:
        print(as_line(speaker, counts.get(speaker.id)))
    if not speakers:
        print("nobody is known, and nobody was heard", file=sys.stderr)
    return ExitCode.OK


async def _enrol(parsed: argparse.Namespace, options: Options) -> int:
    if bool(parsed.files) == bool(parsed.utterances):
        raise OptionsError("name files to learn the voice from, or utterances with --utterance ID")
    home = writable_data_dir(options)
    path = await _made(home)
    models = await speaker_models(options)
    if parsed.utterances:
        _say_learnt(await enrol_from_utterances(home, models, parsed.name, parsed.utterances))
        return ExitCode.OK
    code = ExitCode.OK
    for file in parsed.files:
        try:
            learnt = await enrol(path, models, parsed.name, await sound_of(file))
        except WallflowerError as error:
            print(f"wallflower: {file}: {error}", file=sys.stderr)
            code = error.exit_code
        else:
            _say_learnt(learnt)
    return code


def _say_learnt(speaker: StoredSpeaker) -> None:
    print(f"{speaker.name} is known by {counted(speaker)}")


async def _identify(parsed: argparse.Namespace, options: Options) -> int:
    path = _there(options)
    asked = await check_enrolled(path, parsed.verify) if parsed.verify else None
    found = await identify(path, await speaker_models(options), await sound_of(parsed.file))
    if found.people > 1:
        print(f"{found.people} people speak: this is about who speaks the longest", file=sys.stderr)
    for speaker in found.left_out:
        print(f"the voice of {speaker.name} is damaged or of another model: enrol anew", file=sys.stderr)
    of_asked = [each for each in found.candidates if asked is not None and each.speaker.id == asked.id]
    best = next(iter(of_asked if asked is not None else found.candidates), None)
    verdict = Verdict.UNKNOWN if best is None else best.recognition.verdict
    if parsed.json:
        print(json.dumps(identified_as_object(found, best, verdict), ensure_ascii=False))
    else:
        print(identified_as_line(best, verdict))
    if asked is None:
        return ExitCode.OK
    return ExitCode.OK if verdict is Verdict.KNOWN else ExitCode.FAILED


async def _rename(parsed: argparse.Namespace, options: Options) -> int:
    name_of_person(parsed.name)  # before it is asked who
    async with writing(_database(options)) as db:
        speaker = await find_speaker(db, parsed.who)
        renamed = await rename_speaker(db, speaker.id, parsed.name)
    print(f"{speaker.name} is {renamed.name} now")
    return ExitCode.OK


async def _merge(parsed: argparse.Namespace, options: Options) -> int:
    merged = await merge(_database(options), parsed.who, parsed.into)
    print(f"all that they said is {merged.name}'s now")
    return ExitCode.OK


async def _split(parsed: argparse.Namespace, options: Options) -> int:
    async with writing(_database(options)) as db:
        speaker = await split_speaker(db, parsed.ids)
    print(f"{len(set(parsed.ids))} utterances are {speaker.name}'s now")
    return ExitCode.OK


def _forget(parsed: argparse.Namespace, home: Path) -> int:
    speaker, count = asyncio.run(_whom(parsed.who, home))
    what = f"name and voice of {speaker.name}"
    what += f", not the {count} utterances" if parsed.keep_words else f" and {count} utterances"
    if not parsed.yes:
        if not sys.stdin.isatty():
            raise OptionsError(f"{what} would be deleted for good; add --yes to do so")
        if input(f"Delete {what}, for good? [y/N] ").strip().lower() not in {"y", "yes"}:
            print("nothing was deleted")
            return ExitCode.OK
    count = asyncio.run(_forget_whom(speaker, home, words=not parsed.keep_words))
    print(f"{count} utterances are nobody's now" if parsed.keep_words else f"{count} utterances deleted")
    for broken in sorted(home.glob(f"{DATABASE_NAME}.broken-*")):
        print(f"wallflower: {broken} was set aside and may hold more: delete it by hand", file=sys.stderr)
    return ExitCode.OK


async def _whom(who: str, home: Path) -> tuple[StoredSpeaker, int]:
    async with reading(home / DATABASE_NAME) as db:
        speaker = await find_speaker(db, who)
        return speaker, await count_of(db, Forget(speaker=str(speaker.id)))


async def _forget_whom(speaker: StoredSpeaker, home: Path, *, words: bool) -> int:
    async with writing(home / DATABASE_NAME) as db:
        return await forget_speaker(db, speaker.id, home / SOUNDS_NAME, words=words)


async def _export(parsed: argparse.Namespace, options: Options) -> int:
    text = await export_people(_there(options))
    part = parsed.file.with_name(f"{parsed.file.name}.{os.getpid()}.part")
    try:
        # How people sound is theirs alone.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(parsed.file)
    finally:
        part.unlink(missing_ok=True)
    return ExitCode.OK


async def _import(parsed: argparse.Namespace, options: Options) -> int:
    try:
        text = parsed.file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise VoiceprintError(f"{parsed.file}: this is no file of voices: {error}") from error
    path = await _made(writable_data_dir(options))
    try:
        people = await import_people(path, text, replace=parsed.replace)
    except VoiceprintError as error:
        raise VoiceprintError(f"{parsed.file}: {error}") from error
    print(f"enrolled: {', '.join(speaker.name for speaker in people)}")
    return ExitCode.OK


def _database(options: Options) -> Path:
    return data_dir(options) / DATABASE_NAME


def _there(options: Options) -> Path:
    path = _database(options)
    if not path.exists():
        raise StorageError("nobody is enrolled; `wallflower speakers enrol` does it")
    return path


async def _made(home: Path) -> Path:
    """The database, made if it is not there: people can be enrolled before anybody is listened to."""
    path = home / DATABASE_NAME
    if not path.exists():
        await asyncio.to_thread(prepare, path)
    return path
