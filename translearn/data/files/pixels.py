"""Images of every mode as a viewer shows them: 8-bit RGB, upright, on a plain ground."""

from enum import StrEnum
from typing import Literal

import numpy as np
from PIL import Image

Look = tuple[str, ...]  # what was changed to show an image, in words


class Alpha(StrEnum):
    """What stands behind transparent pixels; ``ignore`` shows their hidden colours."""

    white = "white"
    black = "black"
    ignore = "ignore"


AlphaName = Literal["white", "black", "ignore"]


DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")  # more than 8 bits in a pixel


PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}


ORIENTATION = 0x0112  # the tag of EXIF


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def as_shown(image: Image.Image, alpha: Alpha = Alpha.white) -> tuple[Image.Image, Look]:
    """An image of any mode as RGB, and what was changed beside its colour space.

    Numbers of more than 8 bits are shown by their ``span``, transparent pixels over ``alpha``, and
    the EXIF orientation is applied. Colour profiles are not.
    """
    image.load()  # some formats apply the orientation then, and take the tag away
    turn = TURNS.get(orientation(image))
    rgb, look = on_ground(image, alpha)
    if turn is None:
        return rgb, look
    return rgb.transpose(turn), (*look, "turned by EXIF")


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none or it cannot be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # a viewer shows an image with broken EXIF as it lies
        return 1


def on_ground(image: Image.Image, alpha: Alpha) -> tuple[Image.Image, Look]:
    """The colours of an image, transparent ones mixed with the ground."""
    if image.mode in DEEP:
        return from_deep(image, alpha)
    if image.mode in PREMULTIPLIED:
        image = image.convert(PREMULTIPLIED[image.mode])
    if not image.has_transparency_data:
        return (image if image.mode == "RGB" else image.convert("RGB")), ()
    with_alpha = image.convert("RGBA")
    if alpha is Alpha.ignore or with_alpha.getchannel("A").getextrema() == (255, 255):
        return with_alpha.convert("RGB"), ()
    ground = Image.new("RGBA", image.size, str(alpha))
    return Image.alpha_composite(ground, with_alpha).convert("RGB"), (f"alpha over {alpha}",)


def from_deep(image: Image.Image, alpha: Alpha) -> tuple[Image.Image, Look]:
    """An image of numbers as grey: the lowest of its span black, the highest white.

    What is not finite is black.
    """
    values = np.asarray(image).astype(np.float32)
    low, high = (0.0, 65535.0) if image.format == "PPM" else span(values, image.mode)
    look = f"{image.mode} from {low:g} to {high:g}"
    clear = values == image.info.get("transparency")
    values *= 255 / (high - low)  # in place: such images are large
    values -= low * 255 / (high - low)
    np.nan_to_num(values, copy=False, nan=0, posinf=0, neginf=0)
    if alpha is not Alpha.ignore:
        values[clear] = 255 if alpha is Alpha.white else 0
    shown = Image.fromarray(values.round().clip(0, 255).astype(np.uint8))
    return shown.convert("RGB"), (look,)


def span(values: np.ndarray, mode: str) -> tuple[float, float]:
    """The numbers that are black and white: by the fewest usual bits that hold all of them.

    8, 10, 12, 14 or 16 bits; 0 to 1 for fractions. Numbers below 0 or above 16 bits span from the
    lowest to the highest.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 1.0
    lowest = float(values.min(where=finite, initial=np.inf))
    highest = float(values.max(where=finite, initial=-np.inf))
    if mode == "F" and lowest >= 0 and highest <= 1:
        return 0.0, 1.0
    for bits in (8, 10, 12, 14, 16):
        if lowest >= 0 and highest < 2**bits:
            return 0.0, 2.0**bits - 1
    return lowest, highest if highest > lowest else lowest + abs(lowest) + 1
