"""The command line: what may be typed, and which subcommand it goes to."""

import argparse
import io
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module

from wallflower import __version__
from wallflower.cli.flags import add_option_flags, options_from
from wallflower.cli.models_parser import add_models_parser
from wallflower.cli.speakers_parser import add_speakers_parser
from wallflower.cli.transcripts_parser import add_transcripts_parser
from wallflower.config.options import FIELDS
from wallflower.errors import ExitCode, WallflowerError

_EPILOG = """\
examples:
  wallflower run                                  serve Home Assistant on port 10300
  wallflower run --uri tcp://0.0.0.0:10301 --log-level debug
  wallflower transcribe talk.mp4 --srt > talk.srt
  wallflower diarize meeting.wav --rttm > meeting.rttm
  arecord -f S16_LE -r 16000 -d 5 | wallflower transcribe -
  wallflower listen rtsp://camera/1               what is said there, live
  wallflower models list
  wallflower transcripts search kettle --since 7d  what was heard
  wallflower speakers enrol Anna anna.wav          so that she is known by her voice
  wallflower hardware                             what this box has, and what is chosen for it
  wallflower healthcheck && echo alive

Every option can also be set in a YAML file (--config) or as WALLFLOWER_NAME in the environment:
flags win over the environment, the environment over the add-on's options, those over the file.

exit codes: 0 done, 1 failed, 2 wrong option or usage, 3 model missing or damaged, 4 address not to be
had, 5 engine failed, 6 sound cannot be read, 7 data directory not usable, 130 interrupted
"""


_BROKER_OPTIONS = (
    "mqtt_url",
    "mqtt_user",
    "mqtt_password",
    "mqtt_ca_file",
    "mqtt_cert_file",
    "mqtt_key_file",
)
_ENGINE_OPTIONS = (
    "model",
    "policy",
    "device",
    "memory_limit",
    "language",
    "languages",
    "threads",
    "data_dir",
    "offline",
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="wallflower",
        description="Local listening for Home Assistant: speech recognition that never leaves the box.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wallflower {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run", help="run the daemon", description="Run the daemon until it is told to stop."
    )
    add_option_flags(run, FIELDS)

    transcribe = commands.add_parser(
        "transcribe",
        help="print what is said in audio or video files",
        description="Print what is said in audio or video files: anything that ffmpeg reads.",
    )
    transcribe.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a file; - is standard input: WAV, or raw 16 kHz 16-bit mono PCM",
    )
    transcribe.add_argument(
        "--mqtt",
        dest="ask",
        action="store_true",
        help="have it done by a box that listens to the MQTT broker, not here",
    )
    form = transcribe.add_mutually_exclusive_group()
    for name, what in (
        ("json", "one JSON object a file, with times in seconds"),
        ("srt", "SubRip subtitles"),
        ("vtt", "WebVTT subtitles"),
    ):
        form.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, default="text", help=f"print {what}"
        )
    add_option_flags(transcribe, [*_ENGINE_OPTIONS, *_BROKER_OPTIONS])

    listen = commands.add_parser(
        "listen",
        help="show live what is said at a camera, a microphone or in a file",
        description="Show what is said as it is said; nothing is kept. Words that may still change are dim.",
    )
    listen.add_argument("place", metavar="URL|mic|FILE", help="an address such as rtsp://…, mic, or a file")
    listen.add_argument(
        "--json", dest="form", action="store_const", const="json", default="text", help="one object a line"
    )
    listen.add_argument(
        "--speakers",
        dest="tell_speakers",
        action="store_true",
        help="tell who speaks: people who are enrolled by name, others as Speaker 1 and so on",
    )
    add_option_flags(listen, _ENGINE_OPTIONS)

    sources = commands.add_parser(
        "sources",
        help="show the sources that are listened to, or try an address",
        description="The sources of sound: how they are, each setting, and what it comes from.",
    )
    actions = sources.add_subparsers(dest="action", required=True, metavar="ACTION")
    list_ = actions.add_parser("list", help="show them all", description="Show all sources.")
    list_.add_argument(
        "--json", dest="form", action="store_const", const="json", default="text", help="print JSON"
    )
    add_option_flags(list_, ["sources", "data_dir"])
    probing = actions.add_parser(
        "probe",
        help="show what can be heard at an address",
        description="Look at an address for up to 15 s: what sound there is, or what is wrong.",
    )
    probing.add_argument("url", metavar="URL", help="an address such as rtsp://user:password@camera/live")
    add_option_flags(probing, ["source_folders"])

    diarize = commands.add_parser(
        "diarize",
        help="print who speaks when in an audio or video file",
        description="Print who speaks when in an audio or video file: anything that ffmpeg reads.",
    )
    diarize.add_argument("file", metavar="FILE", help="an audio or video file")
    diarize.add_argument("--rttm", action="store_true", help="print RTTM, as tools for diarization read it")
    add_option_flags(diarize, ["data_dir", "offline"])

    add_models_parser(commands)
    add_transcripts_parser(commands)
    add_speakers_parser(commands)

    hardware = commands.add_parser(
        "hardware",
        help="show what this box has, what can run on it, and what is chosen",
        description="Show processor, memory, GPUs and NPUs, what each library can really run on, the "
        "candidates in order, and the choice with its reason.",
    )
    print_as = hardware.add_mutually_exclusive_group()
    for name, shows in (("json", "print JSON"), ("env", "print HARDWARE_NAME=value lines for a shell")):
        print_as.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, default="table", help=shows
        )
    print_as.add_argument(
        "--allow",
        metavar="ENGINE",
        help="try an engine again that was excluded because the process died while it was loaded",
    )
    hardware.add_argument(
        "--calibrate",
        action="store_true",
        help="measure every candidate whose model is here, first; the figures are kept",
    )
    add_option_flags(
        hardware,
        [
            "model",
            "policy",
            "device",
            "memory_limit",
            "power",
            "language",
            "languages",
            "threads",
            "data_dir",
        ],
    )

    alerts = commands.add_parser(
        "alerts",
        help="show what is watched for, the last alerts, and what webhooks did not take",
        description="Show the rules, of the options and of run time, the last alerts, and what webhooks "
        "did not take.",
    )
    alerts.add_argument("--json", action="store_true", help="print JSON")
    alerts.add_argument("--limit", type=int, default=20, metavar="COUNT", help="how many alerts (20)")
    add_option_flags(alerts, ["data_dir"])

    health = commands.add_parser(
        "healthcheck",
        help="ask a running daemon whether it is well",
        description="Ask a running daemon for its info; exit code 0 when it answers in time, else 1.",
    )
    add_option_flags(health, ["uri"])
    health.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="how long to wait (5)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parsed = build_parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name need not be printable text
        sys.stdout.reconfigure(errors="backslashreplace")
    # Ended by a service manager is ended like by Ctrl-C: what was begun is cleared away.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options = options_from(parsed)
        subcommand = import_module(f"wallflower.cli.{parsed.command}")
        code: int = subcommand.execute(parsed, options)
        return code
    except WallflowerError as error:
        print(f"wallflower: {error}", file=sys.stderr)
        # A container's health check knows 0 and 1 alone.
        return ExitCode.FAILED if parsed.command == "healthcheck" else error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has read enough
        sys.stderr.close()
        return ExitCode.FAILED
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(f"wallflower: cannot use{where}: {error.strerror or error}", file=sys.stderr)
        return ExitCode.FAILED
