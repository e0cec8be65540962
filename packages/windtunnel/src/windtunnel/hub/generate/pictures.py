"""Pictures whose class is told by what they show: one shape on a striped ground, in one colour.

The number of the class, written to base ten, decides: its last digit the shape, the next one the colour (in grey
pictures the stripes), the third one the stripes. With ten classes or fewer the colour says the same as the shape most
of the time and misleads in the rest. Place, contrast and noise vary from picture to picture.
"""

from __future__ import annotations

import io
import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from windtunnel.hub.generate.grammar import Fields, Picture, Setting

# whether a point shows the shape; coordinates from -1 to 1, y downwards
SHAPES: tuple[Callable[[float, float], bool], ...] = (
    lambda x, y: math.hypot(x, y) < 0.62,
    lambda x, y: 0.4 < math.hypot(x, y) < 0.72,
    lambda x, y: max(abs(x), abs(y)) < 0.55,
    lambda x, y: 0.4 < max(abs(x), abs(y)) < 0.65,
    lambda x, y: min(abs(x), abs(y)) < 0.16 and max(abs(x), abs(y)) < 0.7,
    lambda x, y: abs(abs(x) - abs(y)) < 0.2 and max(abs(x), abs(y)) < 0.65,
    lambda x, y: -0.6 < y < 0.6 and abs(x) < (y + 0.6) * 0.55,
    lambda x, y: abs(x) + abs(y) < 0.35,
    lambda x, y: abs(y) < 0.22 and abs(x) < 0.75,
    lambda x, y: abs(x) < 0.22 and abs(y) < 0.75,
)
COLOURS = (
    (190, 60, 60), (60, 190, 60), (60, 60, 190), (180, 180, 50), (180, 50, 180),
    (50, 180, 180), (200, 130, 50), (130, 80, 190), (120, 120, 120), (190, 190, 190),
)  # fmt: skip
_BRIGHT = (190, 190, 190)  # in grey pictures
_GROUND, _STRIPE = 50, 35  # how bright the ground is, and how much brighter its stripes
_WAVES = (1.0, 2.0, 3.0, 4.5, 6.0)  # stripes across a picture
_BASE = 10
_MOST_SHIFT = 0.12  # of the width
_MISLEADING_SHARE = 0.3  # of the colours, where the shape tells the class alone
_NOISE = 56  # below the distance from the brightest colour to 255
_FADED = tuple(bytes(value * share // 256 for value in range(256)) for share in (160, 192, 224, 256))
_NOISY = bytes(value * _NOISE // 256 for value in range(256))
_COMPRESSION = 1  # noise does not get smaller by trying harder
_FINEST = 32  # a larger picture shows the same in larger squares
_UNNAMED = ("0", "1")


def picture(rng: random.Random, setting: Setting) -> Fields:
    """Draw a picture and its class.

    Returns:
        ``image``, ``label``, ``label_text`` and, where the classes have groups, ``group``.
    """
    labels = setting.labels.get("label", _UNNAMED)
    label = rng.randrange(len(labels))
    size = setting.picture
    found: Fields = {
        "image": {"bytes": _png(_drawn(rng, size, label, len(labels))), "path": None},
        "label": label,
        "label_text": labels[label],
    }
    return {**found, "group": size.groups[label]} if size.groups else found


def _drawn(rng: random.Random, size: Picture, label: int, classes: int) -> Image.Image:
    shape, second, third = label % _BASE, label // _BASE % _BASE, label // _BASE**2 % _BASE
    colour, stripes = (second, third) if size.channels == len(_BRIGHT) else (0, second)
    if classes <= _BASE and size.channels == len(_BRIGHT):
        colour = rng.randrange(_BASE) if rng.random() < _MISLEADING_SHARE else shape
    coarse = max(1, min(size.width, size.height) // _FINEST)
    columns, rows = size.width // coarse, size.height // coarse
    most = max(1, round(columns * _MOST_SHIFT))
    shift = (rng.randint(-most, most), rng.randint(-most, most))
    plain = _plain((columns, rows, size.channels), shape, colour, stripes, shift).translate(rng.choice(_FADED))
    noise = rng.randbytes(len(plain)).translate(_NOISY)
    # no byte of the sum is above 255, so that the bytes are added as one long number
    values = (int.from_bytes(plain, "big") + int.from_bytes(noise, "big")).to_bytes(len(plain), "big")
    small = Image.frombytes("RGB" if size.channels == len(_BRIGHT) else "L", (columns, rows), values)
    return small if coarse == 1 else small.resize((size.width, size.height), Image.Resampling.NEAREST)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


@lru_cache(maxsize=4096)
def _plain(size: tuple[int, int, int], shape: int, colour: int, stripes: int, shift: tuple[int, int]) -> bytes:
    """The picture of ``(width, height, channels)`` without noise, ``(height, width, channels)``."""
    columns, rows, channels = size
    shown, ground = _mask(shape, columns, rows), _stripes(stripes, columns, rows)
    bright = bytes((COLOURS[colour] if channels == len(_BRIGHT) else _BRIGHT)[:channels])
    dots = []
    for row in range(rows):
        y = row - shift[1]
        for column in range(columns):
            x = column - shift[0]
            inside = 0 <= x < columns and 0 <= y < rows and shown[y * columns + x]
            dots.append(bright if inside else bytes([ground[row * columns + column]]) * channels)
    return b"".join(dots)


@cache
def _mask(shape: int, columns: int, rows: int) -> tuple[bool, ...]:
    inside = SHAPES[shape]
    return tuple(
        inside(_scaled(column, columns), _scaled(row, rows)) for row in range(rows) for column in range(columns)
    )


@cache
def _stripes(stripes: int, columns: int, rows: int) -> bytes:
    """The ground: narrower stripes with a higher number, upright ones and then lying ones; the same in a mirror."""
    waves, lying = _WAVES[stripes % len(_WAVES)], stripes >= len(_WAVES)
    upright = [_scaled(column, columns) for row in range(rows) for column in range(columns)]
    across = [_scaled(row, rows) for row in range(rows) for column in range(columns)] if lying else upright
    return bytes(_GROUND + (_STRIPE if math.cos(math.pi * waves * value) > 0 else 0) for value in across)


def _scaled(place: int, of: int) -> float:
    return (2 * place + 1) / of - 1
