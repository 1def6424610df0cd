"""Writes `golden/`: one small file for each mode and form that a picture may come in.

`python -m tests.webapp.make_golden` from the checkout. What the files must be read as is in
`test_golden.py`, as colours, not made by the code that is tested.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FOLDER = Path(__file__).with_name("golden")

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (77, 77, 77)
SIDE = 16
ORIENTATION = 0x0112

JPEG = {"quality": 95, "subsampling": 0}


def quarters(mode: str, *colours: Any) -> Image.Image:
    """Return a square of four: the first two colours above, the others below."""
    image = Image.new(mode, (SIDE, SIDE))
    half = SIDE // 2
    places = ((0, 0), (half, 0), (0, half), (half, half))
    for colour, (x, y) in zip(colours, places, strict=True):
        image.paste(colour, (x, y, x + half, y + half))
    return image


def stored(orientation: int) -> Image.Image:
    """Return the upright picture as a camera held in this way stores it (Exif 2.3, tag 274)."""
    upright = np.asarray(quarters("RGB", RED, GREEN, BLUE, GREY))
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    return Image.fromarray(np.ascontiguousarray(turned))


def files() -> dict[str, bytes]:
    """Return all files by name."""
    colours = quarters("RGB", RED, GREEN, BLUE, GREY)
    palette = colours.quantize(8)
    sixteen = np.zeros((SIDE, SIDE), np.uint16)
    sixteen[:8, 8:], sixteen[8:, :8], sixteen[8:, 8:] = 0x12FF, 0x8000, 0xFFFF
    alpha = quarters("RGBA", (*RED, 255), (0, 0, 0, 0), (*BLUE, 128), (9, 8, 7, 255))
    inks = quarters("CMYK", (0, 255, 255, 0), (255, 0, 255, 0), (255, 255, 0, 0), (0, 0, 0, 178))
    second = [Image.new("RGB", (SIDE, SIDE), BLUE)] * 2
    lossless = {"lossless": True, "exact": True}
    made = {
        "rgb.png": encoded(colours, "PNG"),
        "rgb.jpg": encoded(colours, "JPEG", **JPEG),
        "rgb.webp": encoded(colours, "WEBP", **lossless),
        "lossy.webp": encoded(Image.new("RGB", (SIDE, SIDE), GREY), "WEBP", quality=90),
        "progressive.jpg": encoded(colours, "JPEG", progressive=True, **JPEG),
        "l.png": encoded(quarters("L", 0, 77, 128, 255), "PNG"),
        "l.jpg": encoded(quarters("L", 0, 77, 128, 255), "JPEG", **JPEG),
        "la.png": encoded(quarters("LA", (10, 255), (10, 0), (0, 128), (200, 255)), "PNG"),
        "1.png": encoded(quarters("1", 0, 1, 1, 0), "PNG"),
        "p.png": encoded(palette, "PNG"),
        "p_transparent.png": encoded(palette, "PNG", transparency=palette.getpixel((0, 0))),
        "rgb_transparent.png": encoded(colours, "PNG", transparency=GREEN),
        "rgba.png": encoded(alpha, "PNG"),
        "rgba.webp": encoded(alpha, "WEBP", **lossless),
        "cmyk.jpg": encoded(inks, "JPEG", **JPEG),
        "i16.png": encoded(Image.fromarray(sixteen), "PNG"),
        "animated.png": encoded(colours, "PNG", save_all=True, append_images=second),
        "animated.webp": encoded(colours, "WEBP", save_all=True, append_images=second, **lossless),
    }
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        name = f"orientation{orientation}.jpg"
        made[name] = encoded(stored(orientation), "JPEG", exif=exif, **JPEG)
    return made


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
