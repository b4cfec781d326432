"""Draws icon.png and logo.png: a wallflower that listens. Needs NumPy alone.

usage: python addon/draw.py FOLDER
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

PETAL, HEART, LEAF, INK = (0xE8, 0x8B, 0x2E), (0x7A, 0x2E, 0x1D), (0x3E, 0x7D, 0x4F), (0x2B, 0x2B, 0x33)
_FINE = 4  # drawn so much larger in each direction, then averaged

# Strokes of letters, where an x is 1 high: lines from point to point, or arcs (centre, radius, from, to)
# with degrees clockwise. Before them, how wide the letter is.
# clockwise. Before them how wide the letter is.
_Letter = tuple[float, list[tuple[float, ...]]]
_LETTERS: dict[str, _Letter] = {
    "W": (1.5, [(0, -0.5, 0.38, 1), (0.38, 1, 0.75, -0.3), (0.75, -0.3, 1.12, 1), (1.12, 1, 1.5, -0.5)]),
    "a": (0.9, [(0.45, 0.55, 0.45, 0, 360), (0.9, 0.1, 0.9, 1)]),
    "l": (0.1, [(0.05, -0.6, 0.05, 1)]),
    "f": (0.5, [(0.2, -0.2, 0.2, 1), (0.5, -0.2, 0.3, 180, 270), (0, 0.15, 0.48, 0.15)]),
    "o": (0.9, [(0.45, 0.55, 0.45, 0, 360)]),
    "w": (1.2, [(0, 0.1, 0.3, 1), (0.3, 1, 0.6, 0.2), (0.6, 0.2, 0.9, 1), (0.9, 1, 1.2, 0.1)]),
    "e": (0.9, [(0.02, 0.55, 0.88, 0.55), (0.45, 0.55, 0.45, 40, 360)]),
    "r": (0.45, [(0.05, 0.1, 0.05, 1), (0.45, 0.55, 0.4, 180, 270)]),
}


class Canvas:
    """Where is painted, in pixels from the upper left; transparent at first."""

    def __init__(self, width: int, height: int) -> None:
        self.y, self.x = np.mgrid[0 : height * _FINE, 0 : width * _FINE].astype(np.float64) / _FINE
        self.pixels = np.zeros((*self.x.shape, 4))

    def paint(self, inside: NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
        """Fill a shape."""
        self.pixels[inside] = (*colour, 255)

    def ellipse(self, x: float, y: float, along: float, across: float, degrees: float) -> NDArray[np.bool_]:
        """An ellipse whose long axis points to `degrees`, clockwise from the right."""
        turn = np.deg2rad(degrees)
        u = (self.x - x) * np.cos(turn) + (self.y - y) * np.sin(turn)
        v = (self.y - y) * np.cos(turn) - (self.x - x) * np.sin(turn)
        inside: NDArray[np.bool_] = (u / along) ** 2 + (v / across) ** 2 < 1
        return inside

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float) -> NDArray[np.bool_]:
        """A straight stroke with round ends."""
        along = np.array([x1 - x0, y1 - y0])
        part = ((self.x - x0) * along[0] + (self.y - y0) * along[1]) / (along @ along)
        part = np.clip(part, 0, 1)
        inside: NDArray[np.bool_] = (
            np.hypot(self.x - x0 - part * along[0], self.y - y0 - part * along[1]) < width / 2
        )
        return inside

    def arc(
        self, x: float, y: float, radius: float, begin: float, end: float, width: float
    ) -> NDArray[np.bool_]:
        """A part of a circle."""
        angle = np.rad2deg(np.arctan2(self.y - y, self.x - x)) % 360
        ring = np.abs(np.hypot(self.x - x, self.y - y) - radius) < width / 2
        inside: NDArray[np.bool_] = ring & (angle >= begin) & (angle <= end)
        return inside

    def png(self) -> bytes:
        """The picture as a file."""
        height, width = self.x.shape[0] // _FINE, self.x.shape[1] // _FINE
        fine = self.pixels.reshape(height, _FINE, width, _FINE, 4)
        cover = fine[..., 3:].sum(axis=(1, 3))
        colour = (fine[..., :3] * fine[..., 3:]).sum(axis=(1, 3)) / np.maximum(cover, 1)
        rows = np.concatenate((colour, cover / _FINE**2), axis=2).round().astype(np.uint8)
        raw = b"".join(b"\0" + row.tobytes() for row in rows)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in (
                (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
                (b"IDAT", zlib.compress(raw, 9)),
                (b"IEND", b""),
            )
        )


def flower(canvas: Canvas, x: float, y: float, size: float) -> None:
    """A flower around a point, `size` from petal to petal, and the sound that comes to it."""
    r = size / 2
    canvas.paint(canvas.line(x, y, x - 0.1 * r, y + 1.5 * r, 0.16 * r), LEAF)
    canvas.paint(canvas.ellipse(x + 0.3 * r, y + 1.25 * r, 0.42 * r, 0.17 * r, -35), LEAF)
    for degrees in (-90, 0, 90, 180):
        turn = np.deg2rad(degrees + 45)
        petal = canvas.ellipse(
            x + 0.5 * r * np.cos(turn), y + 0.5 * r * np.sin(turn), 0.52 * r, 0.42 * r, degrees + 45
        )
        canvas.paint(petal, PETAL)
    canvas.paint(canvas.ellipse(x, y, 0.26 * r, 0.26 * r, 0), HEART)
    for radius in (0.42, 0.62):
        canvas.paint(canvas.arc(x, y, radius * r, 315, 360, 0.09 * r), HEART)
        canvas.paint(canvas.arc(x, y, radius * r, 0, 45, 0.09 * r), HEART)


def word(canvas: Canvas, text: str, x: float, y: float, height: float) -> None:
    """Letters from a point on, whose small ones are `height` high."""
    width = 0.17 * height
    for letter in text:
        advance, strokes = _LETTERS[letter]
        for stroke in strokes:
            if len(stroke) == 4:
                x0, y0, x1, y1 = (height * each for each in stroke)
                canvas.paint(canvas.line(x + x0, y + y0, x + x1, y + y1, width), INK)
            else:
                cx, cy, radius = (height * each for each in stroke[:3])
                canvas.paint(canvas.arc(x + cx, y + cy, radius, stroke[3], stroke[4], width), INK)
        x += height * (advance + 0.32)


def main() -> None:
    """Draw both."""
    folder = Path(sys.argv[1])
    icon = Canvas(128, 128)
    flower(icon, 64, 48, 92)
    (folder / "icon.png").write_bytes(icon.png())
    logo = Canvas(250, 100)
    flower(logo, 40, 38, 66)
    word(logo, "Wallflower", 82, 46, 15.5)
    (folder / "logo.png").write_bytes(logo.png())


if __name__ == "__main__":
    main()
