"""`wallflower models list`: what is here, and what else there is."""

import re
from collections.abc import Iterable, Sequence

from wallflower.models.catalog import NEEDED_BY_DEFAULT, Model
from wallflower.models.store import FileState, Store

_LANGUAGES_LISTED = 4
_FORM = re.compile(r"(?P<family>.+?)-(?P<form>(?:ggml|openvino|onnx)-.+)")
"""An id that says for which engine its weights are, and how fine they are."""


def show_models(store: Store, words: Sequence[str], *, everything: bool) -> None:
    """Print the models that have all `words` in id, title or engine. Without words, and unless everything is
    asked for, those that are here or needed by default, and below them the names of the others.
    """
    models = [model for model in store.models().values() if all(_has(model, word) for word in words)]
    if not models:
        print(f"no model has {' and '.join(words)} in its name; wallflower models list --all shows every one")
        return
    if words or everything:
        _print_table(store, models)
        return
    first = [
        model
        for model in models
        if model.id in NEEDED_BY_DEFAULT or store.model_state(model) is not FileState.MISSING
    ]
    _print_table(store, first)
    print(
        "\nThere are also (an id is NAME-FORM; wallflower models list WORD tells more, --all of every one):\n"
    )
    for family, forms in _families(model for model in models if model not in first).items():
        print(f"  {family}{': ' if forms else ''}{', '.join(forms)}")


def _has(model: Model, word: str) -> bool:
    return word.lower() in f"{model.id} {model.title} {model.engine}".lower()


def _families(models: Iterable[Model]) -> dict[str, list[str]]:
    """The forms that each family is there in."""
    families: dict[str, list[str]] = {}
    for model in models:
        match = _FORM.fullmatch(model.id)
        forms = families.setdefault(match["family"] if match else model.id, [])
        if match:
            forms.append(match["form"])
    return families


def _print_table(store: Store, models: Iterable[Model]) -> None:
    from rich.console import Console
    from rich.table import Table

    models = list(models)
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "engine", "languages", "MB", "memory MB", "licence", "state"):
        table.add_column(heading, overflow="fold", justify="right" if "MB" in heading else "left")
    for model in models:
        table.add_row(
            model.id,
            model.engine,
            _languages(model),
            f"{model.size / 1e6:.0f}",
            f"{model.memory / 1e6:.0f}" if model.memory else "-",
            model.licence,
            store.model_state(model).value + (" *" if model.is_pinned else ""),
        )
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)
    if any(model.is_pinned for model in models):
        print("* pinned on first use: nobody published all of its checksums, or it is made on this box")


def _languages(model: Model) -> str:
    if len(model.languages) > _LANGUAGES_LISTED:
        return f"{len(model.languages)} languages"
    return ", ".join(model.languages) or "-"
