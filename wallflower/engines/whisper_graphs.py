"""Whisper's two graphs, loaded and running: sound in, logits out, one token at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.base import EngineError
from wallflower.engines.openvino import check_device, compile_graph, open_core, read_graph
from wallflower.memory import release_file_pages

_PARTS = ("encoder", "decoder")
_BANDS = 80
_BANDS_OF_THIRD, _VOCABULARY_OF_THIRD = 128, 51866  # the third large model and those made from it


@dataclass(frozen=True, slots=True)
class Step:
    """What the decoder said. logits: [rows, vocabulary]. alignment: [heads, rows, positions] or None.

    Both are views of the library's memory and hold until the next step.
    """

    logits: NDArray[np.float32]
    alignment: NDArray[np.float32] | None


class WhisperGraphs:
    """An encoder and a decoder with infer requests of their own; only one thread at a time may call it.

    Graphs are those of `models/conversion/openvino_graphs.py`, or those that optimum exports: without
    `rows` and `alignment`, and some of a fixed length.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        device: str,
        threads: int,
        windows: Sequence[int],
        cache_dir: Path | None,
    ) -> None:
        """Load the graphs from their files by name. windows: lengths in positions that will be asked for.

        On an NPU, which takes fixed lengths only, there is an encoder for each window, and the decoder
        runs on the CPU. Raises EngineError.
        """
        core = open_core()
        check_device(core, device)
        pairs = [_pair(files, part) for part in _PARTS]
        encoder, decoder = (read_graph(core, *pair) for pair in pairs)
        fixed = device.startswith("NPU")
        mel = _input(encoder, "mel", "input_features")
        frames = mel.partial_shape[2]
        self.vocabulary = _size(decoder.output("logits").partial_shape[-1], "vocabulary")
        self.bands = _bands(mel.partial_shape[1], self.vocabulary)
        self.windows = tuple(windows) if frames.is_dynamic else (frames.get_length() // 2,)
        self._encoders: dict[int, Any] = {}
        request = None
        for window in self.windows:
            if request is None or fixed:
                if fixed:
                    encoder.reshape({mel: [1, self.bands, 2 * window]})
                compiled = compile_graph(core, encoder, device, threads=threads, cache_dir=cache_dir)
                request = compiled.create_infer_request()
            self._encoders[window] = request
        decoder_device = "CPU" if fixed else device
        compiled = compile_graph(core, decoder, decoder_device, threads=threads, cache_dir=cache_dir)
        self._decoder = compiled.create_infer_request()
        names = {name for port in compiled.inputs for name in port.names}
        self._ids = next(name for name in ("input_ids", "decoder_input_ids") if name in names)
        self._takes_rows = "rows" in names
        self._takes_beam = "beam_idx" in names
        self.gives_alignment = any("alignment" in port.names for port in compiled.outputs)
        hidden = _input(decoder, "encoder_hidden_states").partial_shape
        positions = 1 if hidden[1].is_dynamic else hidden[1].get_length()
        self._shortest = _tensor(np.zeros((1, positions, _size(hidden[2], "width")), np.float32))
        on_cpu = [self._decoder] if fixed else [*self._encoders.values(), self._decoder]
        self._releasing = [] if device.startswith("GPU") else [each.get_compiled_model() for each in on_cpu]
        self._one = _tensor(np.zeros((1, 1), np.int64))  # a single token, written in place
        self._is_single = False
        self._warm_up()
        self._weights = [weights for _, weights in pairs]
        self.rest()

    def _warm_up(self) -> None:
        """Decode nothing once: the first call prepares kernels and weights, and shows damage."""
        try:
            self.encode(np.zeros((1, self.bands, 2 * self.windows[0]), np.float32))
            self.decode([0, 0])
            self.decode([0])
        except RuntimeError as error:
            raise EngineError(f"the model does not run: {error}; fetch or convert it again") from error

    def encode(self, mel: NDArray[np.float32]) -> None:
        """Listen to a spectrogram [1, bands, frames] of one of the windows, and forget what was decoded."""
        request = self._encoders[mel.shape[2] // 2]
        request.infer([mel], share_inputs=True, share_outputs=True)
        self._listen(request.get_output_tensor(0))

    def _listen(self, hidden: Any) -> None:
        self._decoder.set_tensor("encoder_hidden_states", hidden)
        if self._takes_beam:
            self._decoder.set_tensor("beam_idx", _tensor(np.zeros(1, np.int32)))
        self.forget()

    def forget(self) -> None:
        """Drop what was decoded, but keep the sound."""
        self._decoder.reset_state()
        self._is_single = False

    def rest(self) -> None:
        """Give back what only the work needed. The next segment takes some milliseconds more.

        For Whisper base 35 MB, or 73 after a segment in the full window.
        """
        # Plain state has no way to shrink: a new request begins with none, and the graph lets go of the
        # old one's when it first sees the new.
        self._decoder = self._decoder.get_compiled_model().create_infer_request()
        self._is_single = False
        self._listen(self._shortest)
        self.decode([0])
        for compiled in self._releasing:
            compiled.release_memory()
        # Both have packed their weights by now; the file's pages would stay for nothing (73 MB for base).
        release_file_pages(self._weights)

    def decode(self, tokens: Sequence[int], rows: Sequence[int] = (-1,)) -> Step:
        """Take the next tokens; answer for those at `rows`, negative ones from the end."""
        if len(tokens) == 1:
            self._one.data[0, 0] = tokens[0]
            if not self._is_single:
                self._decoder.set_tensor(self._ids, self._one)
                self._set_rows((-1,))
                self._is_single = True
        else:
            self._decoder.set_tensor(self._ids, _tensor(np.array([tokens], np.int64)))
            self._set_rows(rows)
            self._is_single = False
        self._decoder.infer(share_outputs=True)
        logits = self._decoder.get_tensor("logits").data[0]
        if not self._takes_rows:
            logits = logits[list(rows)]
        alignment = self._decoder.get_tensor("alignment").data[0] if self.gives_alignment else None
        return Step(logits, alignment)

    def _set_rows(self, rows: Sequence[int]) -> None:
        if self._takes_rows:
            self._decoder.set_tensor("rows", _tensor(np.array(rows, np.int64)))


def model_files(folder: Path) -> dict[str, Path]:
    """The files of a model in a folder of its own, by name."""
    try:
        return {path.name: path for path in folder.iterdir()}
    except OSError as error:
        raise EngineError(f"cannot read the model {folder}: {error.strerror}") from error


def _pair(files: Mapping[str, Path], part: str) -> tuple[Path, Path]:
    for name in (part, f"openvino_{part}_model"):
        if f"{name}.xml" in files and f"{name}.bin" in files:
            return files[f"{name}.xml"], files[f"{name}.bin"]
    raise EngineError(f"the model has no {part}.xml and {part}.bin; fetch or convert it again")


def _input(model: Any, *names: str) -> Any:
    for port in model.inputs:
        if port.names.intersection(names):
            return port
    raise EngineError(f"the graph has no input {names[0]}; fetch or convert the model again")


def _size(dimension: Any, name: str) -> int:
    if dimension.is_dynamic:
        raise EngineError(f"the graph does not say the size of its {name}; convert the model again")
    return int(dimension.get_length())


def _bands(dimension: Any, vocabulary: int) -> int:
    """The mel bands. Where the graph leaves them open, the vocabulary tells: both changed together."""
    if dimension.is_static:
        return int(dimension.get_length())
    return _BANDS_OF_THIRD if vocabulary == _VOCABULARY_OF_THIRD else _BANDS


def _tensor(array: NDArray[Any]) -> Any:
    """A tensor with a copy of the array: a request would not keep the array's own memory alive."""
    return _library().Tensor(array, shared_memory=False)


@cache
def _library() -> Any:
    import openvino

    return openvino
