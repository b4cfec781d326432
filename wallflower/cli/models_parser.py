"""What may be typed behind `wallflower models`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from wallflower.cli.flags import add_option_flags

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands = _SubParsersAction[argparse.ArgumentParser]

_ENGINES = ("openvino", "whispercpp", "onnx", "moonshine")


def add_models_parser(commands: "Commands") -> None:
    """Add the subcommand and all of its actions."""
    models = commands.add_parser(
        "models",
        help="list, fetch, make, check and remove models",
        description="The models this box knows, and what it has of them.",
    )
    actions = models.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, what in (
        ("list", "show what is here and what else there is"),
        ("pull", "fetch models, and fetch damaged files again"),
        ("verify", "read every byte and compare checksums"),
        ("remove", "delete models from this box"),
    ):
        each = actions.add_parser(action, help=what, description=what.capitalize() + ".")
        if action == "list":
            each.add_argument(
                "words",
                nargs="*",
                metavar="WORD",
                help="only models with this in their name, such as whisper-small",
            )
            each.add_argument("--all", dest="everything", action="store_true", help="every model at length")
        else:
            each.add_argument(
                "ids",
                nargs="+" if action == "remove" else "*",
                metavar="ID",
                help="a model's id"
                + {"pull": "; none: what `run` needs", "verify": "; none: all that are here"}.get(action, ""),
            )
        add_option_flags(each, ["data_dir", "offline", "hub_url"] if action == "pull" else ["data_dir"])
    _add_convert(actions)
    _add_add(actions)
    _add_validate(actions)


def _add_convert(actions: "Commands") -> None:

    conversion = actions.add_parser(
        "convert",
        help="make an engine's file from a checkpoint",
        description="Make the file that an engine reads from a Whisper checkpoint, without torch.",
    )
    conversion.add_argument(
        "source",
        metavar="ID|DIR",
        help="a checkpoint of the catalogue, or a folder with one (safetensors or CTranslate2)",
    )
    conversion.add_argument(
        "--to",
        required=True,
        metavar="FORM",
        help="ggml:f16|q8_0|q5_1|q5_0 for whisper.cpp, openvino:int8|fp16|f32 for OpenVINO, "
        "onnx:int8|fp32 for onnx-asr",
    )
    conversion.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the file to write; without it, a model of the catalogue goes to the store, "
        "and a folder NAME becomes NAME-FORM.bin here",
    )
    add_option_flags(conversion, ["data_dir", "offline", "hub_url"])


def _add_add(actions: "Commands") -> None:
    adding = actions.add_parser(
        "add",
        help="add a model of your own, after trying it",
        description="Add a model of your own. It is loaded and decodes a clip first, in a process of its "
        "own; one that does not work is not added. A Whisper checkpoint is converted.",
    )
    adding.add_argument("path", type=Path, metavar="DIR", help="the folder with the model, or its one file")
    adding.add_argument("--id", required=True, metavar="ID", help="the name that it gets here")
    adding.add_argument(
        "--engine",
        choices=_ENGINES,
        default="",
        help="the engine to load it; needed only where the files do not tell",
    )
    adding.add_argument(
        "--language",
        dest="languages",
        action="append",
        default=[],
        metavar="CODE",
        help="a language it speaks, such as de; may be given several times (default: what the files tell)",
    )
    adding.add_argument("--title", default="", metavar="TEXT", help="what it is, in a few words")
    adding.add_argument("--licence", default="unknown", metavar="TEXT", help="the licence of its weights")
    adding.add_argument(
        "--replace", action="store_true", help="put it in place of one that was added under the same id"
    )
    add_option_flags(adding, ["threads", "data_dir"])


def _add_validate(actions: "Commands") -> None:
    validation = actions.add_parser(
        "validate",
        help="check that conversions of a model hear the same",
        description="Have models decode the same clips, and compare what they heard: similarity is 1 less "
        "the pooled character error rate. A conversion must be over 0.95 to the unquantised one of its "
        "engine, any two engines over 0.90; else the exit code is 1.",
    )
    validation.add_argument(
        "ids",
        nargs="*",
        metavar="ID",
        help="models to compare; one: with all of its checkpoint that are here; none: all that are here",
    )
    validation.add_argument(
        "--audio",
        type=Path,
        metavar="DIR",
        help="a folder of sound, or with a manifest.tsv (default: the clip that comes with Wallflower)",
    )
    add_option_flags(validation, ["language", "threads", "data_dir"])
