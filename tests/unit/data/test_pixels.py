"""Every mode of Pillow against a reference picture, as a viewer shows it."""

import contextlib
import os

import numpy as np
import pytest
import torch
from PIL import Image

from translearn.data.files.images import FORMATS, Reading, decode_image, look_at
from translearn.data.files.pixels import TURNS, Alpha, as_shown, span
from translearn.errors import DataError

EDGE = 32
RAMP = np.add.outer(np.arange(EDGE) * 5, np.arange(EDGE) * 3).astype(np.uint8)  # 0 to 248
COLOURS = np.stack([RAMP, RAMP[::-1], np.full_like(RAMP, 60)], axis=2)
GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
INEXACT = {"YCbCr": 4, "HSV": 4, "LAB": 20, "CMYK": 1}  # largest difference
WRITTEN = [
    ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("RGB", "PNG"), ("RGBA", "PNG"), ("1", "PNG"),
    ("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF"), ("I", "TIFF"), ("F", "TIFF"),
    ("CMYK", "TIFF"), ("LAB", "TIFF"), ("YCbCr", "TIFF"), ("RGBX", "TIFF"), ("RGBA", "TIFF"),
    ("PA", "TIFF"), ("P", "GIF"), ("L", "GIF"), ("RGBA", "WEBP"), ("RGBA", "AVIF"), ("P", "BMP"),
    ("1", "BMP"), ("L", "PPM"), ("1", "PPM"), ("I;16", "PPM"), ("CMYK", "JPEG"), ("L", "JPEG"),
    ("YCbCr", "JPEG"), ("P", "TIFF"), ("1", "TIFF"), ("LA", "TIFF"),
]  # fmt: skip


def in_mode(mode):
    """The reference picture in a mode, and what it must look like."""
    colours, grey = Image.fromarray(COLOURS), Image.fromarray(RAMP)
    if mode == "1":
        image = grey.point(lambda value: 255 * (value > 99)).convert("1")
        return image, np.repeat(np.asarray(image)[..., None] * 255, 3, 2)
    if mode in GREY:
        image = grey.convert("LA").convert("La") if mode == "La" else grey.convert(mode)
        return image, np.repeat(RAMP[..., None], 3, 2)
    if mode in ("P", "PA"):
        image = colours.quantize(200).convert(mode)
        index = np.asarray(image) if mode == "P" else np.asarray(image)[..., 0]
        return image, np.array(image.getpalette("RGB")).reshape(-1, 3)[index]
    return colours.convert(mode), COLOURS


def pixels(image, alpha=Alpha.white):
    rgb, look = as_shown(image, alpha)
    assert rgb.mode == "RGB"
    return np.asarray(rgb).astype(int), look


@pytest.mark.parametrize("mode", Image.MODES)
def test_every_mode_is_shown_as_the_reference(mode):
    image, expected = in_mode(mode)
    assert image.mode == mode
    assert np.abs(pixels(image)[0] - expected).max() <= INEXACT.get(mode, 0)


@pytest.mark.parametrize(("mode", "format"), WRITTEN, ids=lambda name: name)
def test_files_of_every_mode_and_format_are_read_as_the_reference(tmp_path, mode, format):
    image, expected = in_mode(mode)
    path = tmp_path / "image"
    lossy = {"quality": 100} if format in ("JPEG", "AVIF") else {}
    lossy |= {"lossless": True} if format == "WEBP" else {}
    lossy |= {"subsampling": "4:4:4"} if format in ("JPEG", "AVIF") else {}
    image.save(path, format=format, **lossy)
    read = decode_image(path, EDGE).permute(1, 2, 0).numpy().astype(int)
    near = max(INEXACT.get(mode, 0), 12 if lossy and format != "WEBP" else 0)
    if (mode, format) == ("I;16", "PPM"):
        expected = (expected / 257).round()  # the header of a PPM says that 65535 is white
    assert np.abs(read - expected).max() <= near


@pytest.mark.parametrize(
    ("bits", "dtype"), [(8, "u2"), (10, "u2"), (12, "u2"), (14, "u2"), (16, "u2"), (16, "i4")]
)
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_deep_grey_is_shown_by_its_bits(tmp_path, bits, dtype, format):
    if dtype == "i4" and format == "PNG":
        pytest.skip("PNG has 16 bits at most")
    top = 2**bits - 1
    values = (RAMP.astype(float) * top / 255).round().astype(dtype)
    values[0, 0] = top  # somewhere it is white
    Image.fromarray(values).save(tmp_path / "deep", format=format)
    image, look = look_at(tmp_path / "deep", EDGE, Reading())
    difference = np.abs(image[0].numpy().astype(int) - RAMP.astype(int))
    assert difference[1:].max() <= 1 and image[0, 0, 0] == 255
    assert look and f"to {top}" in look[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.25, 1.0], [0, 64, 255]),
        ([0.0, 64.0, 255.0], [0, 64, 255]),
        ([0.0, 0.5, 0.5], [0, 128, 128]),
        ([-1000.0, 200.0, 1000.0], [0, 153, 255]),
        ([0.0, 1.2e6, 2e6], [0, 153, 255]),
        ([float("nan"), 0.5, 1.0], [0, 128, 255]),
        ([float("-inf"), 1.0, float("inf")], [0, 255, 0]),
        ([float("nan")] * 3, [0, 0, 0]),
        ([-5.0, -5.0, -5.0], [0, 0, 0]),
        ([3e38, -3e38, float("inf")], [255, 0, 0]),
    ],
)
def test_floats_are_shown_by_their_range(tmp_path, values, expected):
    Image.fromarray(np.array([values], dtype=np.float32)).save(tmp_path / "f.tif")
    with Image.open(tmp_path / "f.tif") as image:
        assert pixels(image)[0][0, :, 0].tolist() == expected


def test_the_span_of_numbers_is_never_empty():
    for numbers in ([], [0], [7], [-3], [70000], [-1, 2**31 - 1], [float("inf")]):
        for mode in ("I", "F"):
            low, high = span(np.array(numbers, dtype=float), mode)
            assert np.isfinite([low, high]).all() and high > low


def half_clear(mode):
    """The left half is opaque red, the right half is transparent blue."""
    rgba = np.zeros((8, 8, 4), dtype=np.uint8)
    rgba[:, :4], rgba[:, 4:] = (200, 0, 0, 255), (0, 0, 200, 0)
    image = Image.fromarray(rgba)
    if mode in ("P", "1", "L", "RGB"):
        plain = image.convert("RGB") if mode == "RGB" else image.convert("RGB").convert("L")
        plain = plain.point(lambda value: 255 * (value > 30)) if mode == "1" else plain
        plain = plain.convert(mode)
        clear = plain.getpixel((7, 0))
        plain.info["transparency"] = clear
        return plain
    if mode == "PA":
        return image.convert("RGB").quantize(8).convert("PA").point(lambda v: v)
    return image.convert("RGBA").convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "P", "L", "RGB"])
@pytest.mark.parametrize(("alpha", "ground"), [("white", 255), ("black", 0)])
def test_transparent_pixels_show_the_ground(mode, alpha, ground):
    image = half_clear(mode)
    shown, look = pixels(image, Alpha(alpha))
    assert (shown[:, 4:] == ground).all() and look == (f"alpha over {alpha}",)
    assert not (shown[:, :4] == ground).all()
    hidden, look = pixels(image, Alpha.ignore)
    assert not look and not (hidden[:, 4:] == 255).all()


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_half_transparent_pixels_are_mixed(tmp_path, format):
    lossless = {"lossless": True} if format == "WEBP" else {}
    Image.new("RGBA", (16, 16), (200, 0, 0, 128)).save(tmp_path / "a", format=format, **lossless)
    red, green, _ = decode_image(tmp_path / "a", 16)[:, 8, 8].tolist()
    assert abs(red - 227) <= 3 and abs(green - 127) <= 3
    red, green, _ = decode_image(tmp_path / "a", 16, Reading(Alpha.black))[:, 8, 8].tolist()
    assert abs(red - 100) <= 3 and green <= 3


def test_a_transparent_colour_of_16_bits_shows_the_ground(tmp_path):
    values = np.full((4, 4), 40000, dtype=np.uint16)
    values[0] = 7
    Image.fromarray(values).save(tmp_path / "a.png", transparency=7)
    shown = decode_image(tmp_path / "a.png", 4)
    assert (shown[:, 0] == 255).all() and (shown[:, 1] == 156).all()
    assert (decode_image(tmp_path / "a.png", 4, Reading(Alpha.black))[:, 0] == 0).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("number", range(1, 9))
def test_images_stand_upright(tmp_path, format, number):
    """As stored, the image is turned so that its EXIF tag turns it back."""
    upright = Image.fromarray(COLOURS[:, : EDGE // 2])
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turn = back.get(number, TURNS.get(number))
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = number
    options = {"quality": 100} if format != "PNG" else {}
    stored.save(tmp_path / "a", format=format, exif=exif, **options)
    with Image.open(tmp_path / "a", formats=FORMATS) as image:
        shown, _ = as_shown(image)
    assert shown.size == upright.size
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(upright)).mean() < 6


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"junk" * 20])
def test_broken_exif_turns_nothing(tmp_path, exif):
    Image.fromarray(COLOURS).save(tmp_path / "a.jpg", quality=100, exif=exif)
    shown = decode_image(tmp_path / "a.jpg", EDGE).permute(1, 2, 0).numpy().astype(int)
    assert np.abs(shown - COLOURS).mean() < 6


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG", "AVIF"])
def test_of_several_pictures_the_first_is_shown(tmp_path, format):
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a", format=format, save_all=True, append_images=[second])
    red, _, blue = decode_image(tmp_path / "a", 16)[:, 8, 8].tolist()
    assert red > 200 and blue < 50


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
@pytest.mark.parametrize("mode", ["RGB", "P", "1", "I;16", "F", "LA", "CMYK"])
def test_images_of_any_shape_are_read(tmp_path, size, mode):
    Image.new(mode, size).save(tmp_path / "a", format="TIFF")
    assert decode_image(tmp_path / "a", 16).shape == (3, 16, 16)


def test_a_larger_image_than_allowed_is_refused_with_the_key(tmp_path):
    Image.new("1", (8000, 7000)).save(tmp_path / "a.bmp")
    with pytest.raises(DataError, match=r"8000 x 7000 pixels, above data\.max_pixels=50000000"):
        decode_image(tmp_path / "a.bmp", 8)
    Image.new("1", (80, 70)).save(tmp_path / "b.bmp")
    for most, fits in ((5600, True), (5599, False)):
        with contextlib.nullcontext() if fits else pytest.raises(DataError, match="80 x 70"):
            decode_image(tmp_path / "b.bmp", 8, Reading(max_pixels=most))


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "folder.png", "zero.png"):
        with pytest.raises(DataError, match=rf"{name}: it is no regular file"):
            decode_image(tmp_path / name, 8)


@pytest.mark.parametrize("format", ["EPS", "ICO", "PCX", "TGA", "PDF", "SGI", "PSD"])
def test_formats_that_are_not_in_the_list_are_not_read(tmp_path, format):
    if format == "PSD":
        (tmp_path / "a.png").write_bytes(b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\1\0\0\0\1\0\x08\0\3")
    else:
        Image.new("RGB", (8, 8)).save(tmp_path / "a.png", format=format)
    with pytest.raises(DataError, match=r"a\.png"):
        decode_image(tmp_path / "a.png", 8)


@pytest.mark.full
@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files_are_read_or_named_and_nothing_else(tmp_path, format):
    Image.fromarray(COLOURS).save(tmp_path / "whole", format=format)
    content, random = (tmp_path / "whole").read_bytes(), np.random.default_rng(0)
    path = tmp_path / "damaged.png"
    for number in range(300):
        damaged = bytearray(content)
        for place in random.integers(len(content), size=1 + number % 5):
            damaged[place] = random.integers(256)
        cut = random.integers(len(content)) if number % 3 == 0 else len(content)
        path.write_bytes(damaged[:cut])
        try:
            image = decode_image(path, 16)
        except DataError as error:
            assert "damaged.png" in str(error) and len(str(error).splitlines()) == 2
        else:
            assert image.dtype is torch.uint8 and image.shape == (3, 16, 16)
