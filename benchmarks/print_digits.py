"""Render the printed digits that the package ships: `python benchmarks/print_digits.py`.

Digits of four sans-serif families, which matplotlib and Pillow bring, are bent, drawn with one
pen and read as scikit-learn's handwritten digits were: 32x32 bitmaps, summed in 4x4 blocks. The
distortions were set by statistics of the handwriting that need no label: ink, empty pixels and
inked columns. Fonts change with their library, so the package keeps what this wrote once.
"""

import hashlib
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt
from torch.nn import functional as F

FILE = Path(__file__).parents[1] / "translearn/data/sets/assets/print.npz"
COUNT, SEED = 7000, 0
POINTS = 160  # size of the drawn glyph
HEIGHT, WIDEST, MASTER = 64, 88, 96  # of the glyph in its master, and the master's edge
FINE, FRAME, BLOCK = 64, 32, 4  # edges of the bent glyph, of the bitmap, and of a block
ASCII, STIX_SANS, STIX_SANS_BOLD = ord("0"), 0x1D7E2, 0x1D7EC
FAMILIES = (
    tuple((f"DejaVuSans{face}", ASCII) for face in ("", "-Bold", "-Oblique", "-BoldOblique")),
    (("STIXGeneral", STIX_SANS), ("STIXGeneralBol", STIX_SANS_BOLD)),
    (("cmss10", ASCII),),
    (("Aileron", ASCII),),
)


def font(name):
    """A font of matplotlib, or Pillow's own."""
    if name == "Aileron":
        found = ImageFont.load_default(POINTS)
        assert isinstance(found, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
        return found
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    return ImageFont.truetype(str(folder / f"{name}.ttf"), POINTS)


def master(face, character):
    """The signed distance to the outline, in pixels, above 0 within the ink: (MASTER, MASTER)."""
    canvas = Image.new("L", (3 * POINTS, 3 * POINTS))
    ImageDraw.Draw(canvas).text((POINTS, POINTS), character, fill=255, font=face)
    glyph = canvas.crop(canvas.point(lambda value: 255 * (value > 127)).getbbox())
    width = min(WIDEST, round(glyph.width * HEIGHT / glyph.height))
    frame = Image.new("L", (MASTER, MASTER))
    glyph = glyph.resize((width, HEIGHT), Image.Resampling.BILINEAR)
    frame.paste(glyph, ((MASTER - width) // 2, (MASTER - HEIGHT) // 2))
    ink = np.array(frame) > 127
    return distance_transform_edt(ink) - distance_transform_edt(~ink)


def masters():
    """The masters of all faces (faces, 10, MASTER, MASTER), and each family's first face."""
    faces = [face for family in FAMILIES for face in family]
    drawn = [[master(font(name), chr(zero + digit)) for digit in range(10)] for name, zero in faces]
    firsts = np.cumsum([0, *map(len, FAMILIES)])[:-1]
    return torch.tensor(np.array(drawn)).float(), torch.from_numpy(firsts)


def uniform(generator, low, high, *shape):
    """Numbers in [low, high)."""
    return torch.empty(shape).uniform_(low, high, generator=generator)


def bent(distance, generator):
    """Turn, slant, stretch and bend distances (N, 1, MASTER, MASTER): (N, 1, FINE, FINE)."""
    count = len(distance)
    angle = uniform(generator, -12, 12, count).deg2rad()
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros(count), torch.ones(count)
    shear = uniform(generator, -0.35, 0.35, count)
    turn = torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)
    slant = torch.stack([one, shear, zero, one], dim=1).view(-1, 2, 2)
    stretch = torch.diag_embed(uniform(generator, -0.2, 0.2, count, 2).exp())
    matrix = torch.cat([turn @ slant @ stretch, torch.zeros(count, 2, 1)], dim=2)
    grid = F.affine_grid(matrix, [count, 1, FINE, FINE], align_corners=False)
    coarse = uniform(generator, -0.12, 0.12, count, 2, 4, 4)
    waves = F.interpolate(coarse, size=(FINE, FINE), mode="bicubic", align_corners=True)
    grid = 1.15 * (grid + waves.permute(0, 2, 3, 1))  # room for what the stretch moves outwards
    return F.grid_sample(distance, grid, padding_mode="border", align_corners=False)


def thickened(distance, generator):
    """Move the outline outwards until the ink has the share that a pen gives it."""
    share = uniform(generator, 0.28, 0.38, len(distance), 1, 1, 1)
    low, high = torch.zeros_like(share), torch.full_like(share, 6.0)
    for _ in range(7):
        middle = (low + high) / 2
        ink = distance + middle > 0
        rows = ink.any(dim=3, keepdim=True).sum(dim=2, keepdim=True)
        thin = ink.sum(dim=(2, 3), keepdim=True) < share * rows**2
        low, high = torch.where(thin, middle, low), torch.where(thin, high, middle)
    return distance + (low + high) / 2


def extent(inked):
    """First and last inked position of (N, FINE), as edges in [-1, 1]."""
    first = inked.float().argmax(dim=1)
    last = FINE - inked.flip(1).float().argmax(dim=1)
    return 2 * first / FINE - 1, 2 * last / FINE - 1


def framed(distance, generator):
    """Bitmaps (N, 1, FRAME, FRAME) that the ink fills in height."""
    ink = distance[:, 0] > 0
    (left, right), (top, bottom) = extent(ink.any(dim=1)), extent(ink.any(dim=2))
    ratio = (right - left) / (bottom - top)
    width = (ratio * uniform(generator, 0.75, 1.05, len(ink))).clamp(max=0.82)
    zero = torch.zeros(len(ink))
    across = torch.stack([(right - left) / 2 / width, zero, (left + right) / 2], dim=1)
    down = torch.stack([zero, (bottom - top) / 2, (top + bottom) / 2], dim=1)
    size = [len(ink), 1, FRAME, FRAME]
    grid = F.affine_grid(torch.stack([across, down], dim=1), size, align_corners=False)
    sampled = F.grid_sample(distance, grid, padding_mode="border", align_corners=False)
    return (sampled > 0).float()


def render(count=COUNT, seed=SEED):
    """Counts of ink, 0 to 16, uint8 (count, 8, 8), and labels uint8 (count,)."""
    generator = torch.Generator().manual_seed(seed)
    shapes, firsts = masters()
    labels = torch.arange(count) % 10
    family = torch.randint(len(FAMILIES), (count,), generator=generator)
    sizes = torch.tensor([len(faces) for faces in FAMILIES])
    within = (uniform(generator, 0, 1, count) * sizes[family]).long()
    distance = shapes[firsts[family] + within, labels][:, None]
    bitmaps = framed(thickened(bent(distance, generator), generator), generator)
    counts = F.avg_pool2d(bitmaps, BLOCK)[:, 0] * BLOCK**2
    return counts.round().to(torch.uint8).numpy(), labels.to(torch.uint8).numpy()


def main():
    """Write the file, and tell the checksum that translearn/data/sets/digits.py holds."""
    images, labels = render()
    np.savez_compressed(FILE, images=images, labels=labels)
    print("sha256 of the images, then the labels:")
    print(hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest())


if __name__ == "__main__":
    main()
