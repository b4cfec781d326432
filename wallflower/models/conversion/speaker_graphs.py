"""The graphs that tell speakers apart, written to a folder from their PyTorch checkpoints."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.campplus import campplus_graph
from wallflower.models.conversion.folder import whole_folder
from wallflower.models.conversion.pyannet import pyannet_graph
from wallflower.models.conversion.torch_file import read_torch_file

CHECKPOINT = "weights.pt"
"""The file of a checkpoint."""
GRAPH = "model.onnx"
"""The file that is written."""

SPEAKER_GRAPHS: dict[str, Callable[[Mapping[str, NDArray[Any]]], bytes]] = {
    "onnx:campplus": campplus_graph,
    "onnx:pyannet": pyannet_graph,
}
"""From the form, as the catalogue writes it, to what makes its bytes."""


def write_speaker_graph(checkpoint: Path | Mapping[str, Path], target: Path, form: str) -> None:
    """Write the graph `form` of `checkpoint` (a folder, or files by name) to the folder `target`.

    Raises ModelError when it is no checkpoint of that model, OSError when the disk fails.
    """
    path = checkpoint / CHECKPOINT if isinstance(checkpoint, Path) else checkpoint.get(CHECKPOINT)
    if path is None:
        raise ModelError(f"the checkpoint has no {CHECKPOINT}")
    weights = read_torch_file(path, CHECKPOINT)
    try:
        graph = SPEAKER_GRAPHS[form](weights)
    except (KeyError, ValueError) as error:
        raise ModelError(f"{CHECKPOINT} is not what {form} is made from: {error}") from error
    with whole_folder(target) as folder:
        (folder / GRAPH).write_bytes(graph)
