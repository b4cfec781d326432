"""`wallflower transcribe`: what is said in files, printed."""

import argparse
import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.ffmpeg import decode_file, duration_of
from wallflower.audio.pcm import AudioError
from wallflower.audio.wav import read_stream
from wallflower.cli.progress import fetch_progress
from wallflower.cli.transcribe_forms import as_json, as_srt, as_vtt
from wallflower.config import Options, OptionsError
from wallflower.engines.wishes import AUTO
from wallflower.errors import ExitCode, WallflowerError
from wallflower.events import Passage, Utterance
from wallflower.listening.ears import Ears, open_ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session
from wallflower.logs import warnings_alone

_STDIN = "-"
_READ_AHEAD = 4


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Transcribe each file; one that cannot be read is said, and the others go on."""
    if parsed.form in {"srt", "vtt"} and len(parsed.files) > 1:
        raise OptionsError(f"--{parsed.form} takes one file at a time, not {len(parsed.files)}")
    if parsed.files.count(_STDIN) > 1:
        raise OptionsError("standard input (-) can be read only once")
    transcribe_all = _ask_for_all if parsed.ask else _transcribe_all
    with warnings_alone():
        return asyncio.run(transcribe_all(parsed.files, parsed.form, options))


async def _transcribe_all(files: list[str], form: str, options: Options) -> int:
    code = ExitCode.OK
    with fetch_progress(sys.stderr) as progress:
        async with open_ears(options, progress=progress) as ears:
            for name in files:
                try:
                    utterance = await _transcribe(name, ears)
                except AudioError as error:
                    print(f"wallflower: {error}", file=sys.stderr)
                    code = error.exit_code
                else:
                    _print(name, utterance, form, several=len(files) > 1)
    return code


async def _ask_for_all(files: list[str], form: str, options: Options) -> int:
    """Have boxes do it that listen to the MQTT broker."""
    from wallflower.interfaces.mqtt.asking import ask, utterance_of
    from wallflower.interfaces.mqtt.broker import find_broker

    broker = await find_broker(options)
    language = "" if options.language == AUTO or "language" not in options.origins else options.language
    code = ExitCode.OK
    for name in files:
        try:
            async with aclosing(_blocks(name)) as blocks:
                sound = b"".join([block.tobytes() async for block in blocks])
            answer = await ask(broker, sound, language=language)
        except WallflowerError as error:
            print(f"wallflower: {name}: {error}", file=sys.stderr)
            code = error.exit_code
        else:
            _print(name, utterance_of(answer), form, several=len(files) > 1)
    return code


def _blocks(name: str) -> AsyncGenerator[NDArray[np.int16], None]:
    """The sound of a file. Raises AudioError."""
    return _standard_input() if name == _STDIN else decode_file(Path(name))


async def _transcribe(name: str, ears: Ears) -> Utterance:
    seconds, blocks = None if name == _STDIN else await duration_of(Path(name)), _blocks(name)
    with _progress(name, seconds) as advance:

        def on_passage(passage: Passage) -> None:
            advance(passage.end)

        session = Session(ears, Manner(ambient=True), on_passage=on_passage)
        try:
            async with aclosing(blocks):
                async for block in blocks:
                    await session.feed(block)
            return await session.finish()
        finally:
            await session.close()


async def _standard_input() -> AsyncGenerator[NDArray[np.int16], None]:
    """The sound on standard input. Raises AudioError when it is closed or damaged.

    It is read by a daemon thread, from a copy of the descriptor: a read that waits can then neither delay
    the end of the process nor disturb it.
    """
    if sys.stdin is None:
        raise AudioError("standard input is closed")
    loop = asyncio.get_running_loop()
    blocks: asyncio.Queue[NDArray[np.int16] | AudioError | OSError | None] = asyncio.Queue(_READ_AHEAD)

    def hand_over(block: NDArray[np.int16] | AudioError | OSError | None) -> None:
        asyncio.run_coroutine_threadsafe(blocks.put(block), loop).result()

    def read_all() -> None:
        try:
            for block in read_stream(os.fdopen(os.dup(sys.stdin.fileno()), "rb")):
                hand_over(block)
            hand_over(None)
        except (AudioError, OSError) as error:
            hand_over(error)

    threading.Thread(target=read_all, daemon=True, name="stdin").start()
    while (block := await blocks.get()) is not None:
        if isinstance(block, AudioError):
            raise block
        if isinstance(block, OSError):
            raise AudioError(f"cannot read standard input: {block.strerror}") from block
        yield block


@contextmanager
def _progress(name: str, seconds: float | None) -> Iterator[Callable[[float], None]]:
    """A bar on the terminal, moved by calling what is yielded with the seconds that are done."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(Path(name).name, total=seconds)
        yield lambda done: bar.update(task, completed=done)


def _print(name: str, utterance: Utterance, form: str, *, several: bool) -> None:
    match form:
        case "json":
            print(as_json(name, utterance))
        case "srt":
            print(as_srt(utterance), end="")
        case "vtt":
            print(as_vtt(utterance), end="")
        case _:
            print(f"{name}: {utterance.text}" if several else utterance.text)
    sys.stdout.flush()
