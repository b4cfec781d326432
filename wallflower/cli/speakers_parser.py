"""What may be typed behind `wallflower speakers`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from wallflower.cli.flags import add_option_flags

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands = _SubParsersAction[argparse.ArgumentParser]

_WHO = "a name, in any case, or an id, as `list` prints them"
_EPILOG = """\
Whom nobody named is "Speaker 4" or so. Give them a name, or merge them into somebody who has one:
  wallflower speakers list
  wallflower speakers rename "Speaker 4" Anna
  wallflower speakers merge "Speaker 7" Anna

Or let a voice be learnt, so that it is known the next time (three recordings are better than one):
  wallflower speakers enrol Anna anna-1.wav anna-2.wav anna-3.wav
  wallflower speakers identify somebody.wav

A voiceprint is made of nobody who is neither enrolled nor named, and never leaves this box unless you
export it.
"""
_ENROL_EPILOG = """\
What is learnt from: at least 3 s of speech of one person alone, neither faint nor clipped. Each file is a
recording of its own; all utterances together are one. Somebody who is enrolled already is learnt better.

examples:
  wallflower speakers enrol Anna anna-at-the-table.wav anna-on-the-phone.m4a
  wallflower speakers enrol Anna --utterance 1861437921464320001 1861437925658624002
  wallflower speakers rename "Speaker 4" Ben && wallflower speakers enrol Ben ben.wav
"""
_IDENTIFY_EPILOG = """\
The verdict is "known", "unknown" (nobody who is enrolled), or "unsure" (less than a second of speech). A
score is how many standard deviations a voice is nearer than those of strangers.

examples:
  wallflower speakers identify doorbell.wav
  wallflower speakers identify doorbell.wav --json
  wallflower speakers identify doorbell.wav --is Anna && echo "it is Anna"

exit codes with --is: 0 it is, 1 it is not, or that cannot be told; others are errors
"""
_FORGET_EPILOG = """\
examples:
  wallflower speakers forget Anna                  everything, after asking
  wallflower speakers forget Anna --keep-words     name and voice alone
  wallflower speakers forget "Speaker 4" --yes
"""
_EXPORT_EPILOG = """\
The file can be read by you alone, for it tells how people sound. Another Wallflower takes it in with
`wallflower speakers import FILE`.
"""


def add_speakers_parser(commands: "Commands") -> None:
    """Add the subcommand and all of its actions."""
    speakers = commands.add_parser(
        "speakers",
        help="who is heard: names and voices",
        description="Who is heard: names and voices. The daemon may run meanwhile.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = speakers.add_subparsers(dest="action", required=True, metavar="ACTION")
    list_ = _add(actions, "list", "show who is known, and who else was heard")
    list_.add_argument("--json", action="store_true", help="print JSON")
    _add_enrol(actions)
    _add_identify(actions)
    rename = _add(actions, "rename", "give a speaker a name")
    rename.add_argument("who", metavar="WHO", help=_WHO)
    rename.add_argument("name", metavar="NAME", help="the name from now on, also of all that was said before")
    merge = _add(actions, "merge", "tell that two speakers are one person; this cannot be undone")
    merge.add_argument("who", metavar="WHO", help=f"who goes: {_WHO}")
    merge.add_argument("into", metavar="INTO", help="who stays, with all that both said, and both voices")
    split = _add(actions, "split", "tell that utterances are of somebody else: a new speaker")
    split.add_argument(
        "ids", nargs="+", type=_id, metavar="ID", help="as `transcripts search --speaker WHO` prints it"
    )
    _add_forget(actions)
    export = _add(
        actions, "export", "write the voices of all who are enrolled to a file", epilog=_EXPORT_EPILOG
    )
    export.add_argument("file", type=Path, metavar="FILE", help="the file to write, once all is there")
    import_ = _add(actions, "import", "enrol all who are in an exported file, or nobody")
    import_.add_argument("file", type=Path, metavar="FILE", help="as `export` wrote it")
    import_.add_argument(
        "--replace",
        action="store_true",
        help="who is here already gets the voice of the file; without it that is an error",
    )
    for action in actions.choices.values():
        extra = ["offline"] if action.prog.endswith((" enrol", " identify")) else []
        add_option_flags(action, ["data_dir", *extra])


def _add_enrol(actions: "Commands") -> None:
    enrol = _add(actions, "enrol", "learn how a person sounds, so that they are known", epilog=_ENROL_EPILOG)
    enrol.add_argument("name", metavar="NAME", help="what they are called")
    enrol.add_argument("files", nargs="*", type=Path, metavar="FILE", help="an audio or video file")
    enrol.add_argument(
        "--utterance",
        dest="utterances",
        nargs="+",
        default=[],
        type=_id,
        metavar="ID",
        help="learn from what was heard, where its sound was kept; `transcripts search` prints ids",
    )


def _add_identify(actions: "Commands") -> None:
    identify = _add(actions, "identify", "tell who speaks in a file", epilog=_IDENTIFY_EPILOG)
    identify.add_argument("file", type=Path, metavar="FILE", help="an audio or video file")
    identify.add_argument("--is", dest="verify", metavar="WHO", help=f"ask whether it is this one: {_WHO}")
    identify.add_argument("--json", action="store_true", help="print JSON, with all candidates")


def _add_forget(actions: "Commands") -> None:
    forget = _add(
        actions,
        "forget",
        "delete somebody's voice and name, and what they said, for good",
        epilog=_FORGET_EPILOG,
    )
    forget.add_argument("who", metavar="WHO", help=_WHO)
    forget.add_argument(
        "--keep-words", action="store_true", help="keep what they said, without telling who said it"
    )
    forget.add_argument("--yes", action="store_true", help="do not ask first")


def _add(actions: "Commands", name: str, what: str, epilog: str | None = None) -> argparse.ArgumentParser:
    return actions.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _id(typed: str) -> int:
    if not typed.isascii() or not typed.isdecimal() or int(typed) >= 2**63:
        raise argparse.ArgumentTypeError(f"{typed!r} is no utterance's id; `transcripts search` prints them")
    return int(typed)
