import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from real_formats import write_image

from translearn.data.files.images import FileImages, decode_image
from translearn.errors import DataError


def test_decodes_to_uint8_rgb(tmp_path):
    path = write_image(tmp_path / "a.png", seed=1, edge=24)
    image = decode_image(path, 24)
    assert image.dtype == torch.uint8 and image.shape == (3, 24, 24) and image.is_contiguous()
    with Image.open(path) as original:
        assert np.array_equal(image.permute(1, 2, 0).numpy(), np.array(original))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_every_colour_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new(mode, (30, 20)).save(path)
    assert decode_image(path, 16).shape == (3, 16, 16)


def test_a_plain_colour_survives_the_resize(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (50, 31), (10, 20, 30)).save(path)
    assert decode_image(path, 16).flatten(1).unique(dim=1).flatten().tolist() == [10, 20, 30]


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png"):
        decode_image(path, 16)


def test_a_truncated_and_a_missing_file_are_named(tmp_path):
    path = write_image(tmp_path / "short.jpg", edge=64)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"short\.jpg"):
        decode_image(path, 64)
    with pytest.raises(DataError, match=r"absent\.jpg"):
        decode_image(tmp_path / "absent.jpg", 16)


def test_a_list_of_files_is_indexed_like_a_tensor(tmp_path):
    paths = tuple(write_image(tmp_path / f"{i}.png", seed=i) for i in range(4))
    images = FileImages(paths, 8)
    assert len(images) == 4 and images.nbytes == 4 * 3 * 8 * 8
    picked = images[torch.tensor([3, 1])]
    assert picked.paths == (paths[3], paths[1])
    assert torch.equal(picked.decode(0), images.decode(3))
    assert pickle.loads(pickle.dumps(images)) == images
