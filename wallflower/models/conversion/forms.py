"""The forms that a checkpoint can be converted to, and which writer makes each."""

from collections.abc import Callable, Mapping
from pathlib import Path

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.checkpoint import read_checkpoint
from wallflower.models.conversion.ggml import GGML_KINDS, write_ggml
from wallflower.models.conversion.onnx_folder import write_onnx
from wallflower.models.conversion.openvino_folder import write_openvino
from wallflower.models.conversion.speaker_graphs import SPEAKER_GRAPHS, write_speaker_graph
from wallflower.models.conversion.weight_format import WeightFormat

_OPENVINO = {f"openvino:{weights.value}": weights for weights in WeightFormat}
_ONNX = {"onnx:int8": WeightFormat.INT8, "onnx:fp32": WeightFormat.F32}
FORMS = (*(f"ggml:{kind}" for kind in GGML_KINDS), *_OPENVINO, *_ONNX, *SPEAKER_GRAPHS)
"""As the catalogue and the command line write them: the format, a colon, and how its weights are kept."""


def check_form(form: str) -> None:
    """Raises ModelError when nothing can be converted to `form`."""
    if form not in FORMS:
        raise ModelError(f"there is no form {form!r}; a checkpoint can be converted to: {', '.join(FORMS)}")


def convert(
    checkpoint: Path | Mapping[str, Path], form: str, target: Path, report: Callable[[int, int], None]
) -> None:
    """Write a checkpoint (a folder, or files by name) to `target` in a form of FORMS: to a file, or for
    OpenVINO and ONNX to a folder.

    report: told how many bytes are done, and of how many; not where it takes a second (OpenVINO, speakers).
    Raises ModelError, or OSError when the disk fails.
    """
    check_form(form)
    if form in _OPENVINO:
        write_openvino(read_checkpoint(checkpoint), target, _OPENVINO[form])
    elif form in SPEAKER_GRAPHS:
        write_speaker_graph(checkpoint, target, form)
    elif form in _ONNX:
        write_onnx(read_checkpoint(checkpoint), target, _ONNX[form], report)
    else:
        write_ggml(read_checkpoint(checkpoint), target, form.removeprefix("ggml:"), report)
