"""How the matrices of a converted model are stored."""

from enum import StrEnum


class WeightFormat(StrEnum):
    """INT8: symmetric, with a scale for each row."""

    INT8 = "int8"
    FP16 = "fp16"
    F32 = "f32"
