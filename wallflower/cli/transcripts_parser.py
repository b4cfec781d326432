"""What may be typed behind `wallflower transcripts`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from wallflower.cli.flags import add_option_flags
from wallflower.cli.times import TIME_HELP, time

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands = _SubParsersAction[argparse.ArgumentParser]

_WORDS_HELP = (
    "all of these, in any order; kitch* stands for all words that begin so, and '\"close the door\"' "
    "(both kinds of quotes) for these words one after the other"
)
_SEARCH_EPILOG = """\
examples:
  wallflower transcripts search kettle
  wallflower transcripts search '"close the door"' --source hall --since 7d
  wallflower transcripts search --speaker anna --since yesterday --until today
"""
_EXPORT_EPILOG = """\
examples:
  wallflower transcripts export --since yesterday --until today > yesterday.txt
  wallflower transcripts export --source kitchen --form srt --since "2026-03-28 14:00" --output lunch.srt
"""
_DELETE_EPILOG = """\
examples:
  wallflower transcripts delete --since 1h
  wallflower transcripts delete --source bedroom
  wallflower transcripts delete --speaker anna --yes
"""


def add_transcripts_parser(commands: "Commands") -> None:
    """Add the subcommand and all of its actions."""
    transcripts = commands.add_parser(
        "transcripts",
        help="search, show, export and delete what was heard",
        description="What was heard and kept. The daemon may run meanwhile.",
    )
    actions = transcripts.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_search(actions)
    _add_show(actions)
    _add_export(actions)
    _add_delete(actions)
    checkpoint = actions.add_parser(
        "checkpoint",
        help="make the database whole for a backup",
        description="Take the database's log into its file, so that a backup that copies both has all of it.",
    )
    add_option_flags(checkpoint, ["data_dir"])


def _add_search(actions: "Commands") -> None:
    search = actions.add_parser(
        "search",
        help="find utterances by words, source, speaker, language and time",
        description="Print utterances, the newest first, each with its id.",
        epilog=_SEARCH_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    search.add_argument("words", nargs="*", metavar="WORD", help=_WORDS_HELP)
    _add_filters(search)
    search.add_argument("--limit", type=_count, default=20, metavar="N", help="at most so many, to 500 (20)")
    order = search.add_mutually_exclusive_group()
    order.add_argument("--after", type=_id, metavar="ID", help="go on after this one, the last that was seen")
    order.add_argument(
        "--best",
        action="store_true",
        help="those with the most of the words first, of the newest 10,000 found",
    )
    search.add_argument("--json", action="store_true", help="print JSON, snippets as [text, whether found]")
    add_option_flags(search, ["data_dir"])


def _add_show(actions: "Commands") -> None:
    show = actions.add_parser(
        "show",
        help="tell all about an utterance",
        description="Print all that is known of utterances, or what was said around them.",
    )
    show.add_argument("ids", nargs="+", type=_id, metavar="ID", help="as `search` prints it")
    show.add_argument(
        "--around",
        type=_count,
        metavar="SECONDS",
        help="print what the same source heard so long before and after it",
    )
    show.add_argument("--json", action="store_true", help="print a JSON object for each, with its words")
    add_option_flags(show, ["data_dir"])


def _add_export(actions: "Commands") -> None:
    export = actions.add_parser(
        "export",
        help="write a transcript as text, subtitles or JSON",
        description="Write what was heard, the oldest first. Times of subtitles count from --since, or from "
        "the first utterance.",
        epilog=_EXPORT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument("words", nargs="*", metavar="WORD", help=f"only what has {_WORDS_HELP}")
    _add_filters(export)
    export.add_argument(
        "--form", choices=("text", "srt", "vtt", "json"), default="text", help="(default: %(default)s)"
    )
    export.add_argument(
        "--output", type=Path, metavar="FILE", help="write this file, once all is there (standard output)"
    )
    add_option_flags(export, ["data_dir"])


def _add_delete(actions: "Commands") -> None:
    delete = actions.add_parser(
        "delete",
        help="forget utterances, with their sound and alerts, for good",
        description="Delete utterances to which all of this applies, with their sound and the alerts they "
        "gave rise to, so that no byte of them is left in the database. What the running daemon heard in the "
        "last second may still be written after it.",
        epilog=_DELETE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_filters(delete, language=False)
    delete.add_argument("--all", dest="everything", action="store_true", help="delete all of them")
    delete.add_argument("--yes", action="store_true", help="do not ask first")
    add_option_flags(delete, ["data_dir"])


def _add_filters(parser: argparse.ArgumentParser, *, language: bool = True) -> None:
    parser.add_argument("--source", metavar="NAME", help="only from this source")
    parser.add_argument(
        "--speaker", metavar="NAME", help="only by this speaker: a name, in any case, or an id"
    )
    if language:
        parser.add_argument("--language", metavar="CODE", help="only in this language, such as de")
    parser.add_argument("--since", type=time, metavar="TIME", help=f"from then on: {TIME_HELP}")
    parser.add_argument("--until", type=time, metavar="TIME", help="before then; TIME as for --since")


def _id(typed: str) -> int:
    if not typed.isascii() or not typed.isdecimal() or int(typed) >= 2**63:
        raise argparse.ArgumentTypeError(f"{typed!r} is no utterance's id; `transcripts search` prints them")
    return int(typed)


def _count(typed: str) -> int:
    if not typed.isascii() or not typed.isdecimal() or not 0 < int(typed) <= 86_400:
        raise argparse.ArgumentTypeError(f"{typed!r} is no whole number from 1 to 86400")
    return int(typed)
