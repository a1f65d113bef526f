import io

import numpy as np
import pytest
from PIL import Image

from mirctl.encode.pictures import open_picture

pytestmark = pytest.mark.filterwarnings("ignore")
RED = (220, 30, 30)


def saved(path, image, **options):
    image.save(path, **options)
    return path


def close(picture, colour, at=(0, 0)):
    return np.abs(np.subtract(picture.getpixel(at), colour)).max() < 12


def test_a_plain_picture_is_read(tmp_path):
    picture = open_picture(saved(tmp_path / "a.jpg", Image.new("RGB", (30, 20), RED)))
    assert (picture.mode, picture.size) == ("RGB", (30, 20))
    assert close(picture, RED)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "LA"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    image = Image.new("RGB", (8, 8), "white").convert(mode)
    name = "a.tif" if mode in ("CMYK", "YCbCr") else "a.png"
    picture = open_picture(saved(tmp_path / name, image))
    assert picture.mode == "RGB"
    assert close(picture, (255, 255, 255))


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    image = Image.fromarray(np.full((8, 8), 0x8000, np.uint16))
    assert close(open_picture(saved(tmp_path / "a.png", image)), (128, 128, 128))


def test_transparency_stands_on_white(tmp_path):
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0])
    paths = [
        saved(tmp_path / "rgba.png", clear),
        saved(tmp_path / "palette.png", palette, transparency=0),
    ]
    assert all(close(open_picture(path), (255, 255, 255)) for path in paths)


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, "blue")]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert close(open_picture(path), RED)


def test_a_rotated_photograph_stands_upright(tmp_path):
    image = Image.new("RGB", (40, 20), RED)
    exif = image.getexif()
    exif[0x0112] = 6
    assert open_picture(saved(tmp_path / "a.jpg", image, exif=exif)).size == (20, 40)


def test_one_pixel_is_a_picture(tmp_path):
    assert open_picture(saved(tmp_path / "a.png", Image.new("RGB", (1, 1), RED))).size == (1, 1)


def test_twenty_megapixels_are_read_small(tmp_path):
    image = Image.new("RGB", (5472, 3648), RED)
    for name in ("a.jpg", "a.png"):
        picture = open_picture(saved(tmp_path / name, image))
        assert 640 <= min(picture.size) < 1280
        assert close(picture, RED)


def test_a_long_strip_keeps_its_middle(tmp_path):
    assert open_picture(saved(tmp_path / "a.png", Image.new("RGB", (1, 5000)))).size == (1, 20)


def test_a_decompression_bomb_is_refused_unread(tmp_path):
    path = saved(tmp_path / "a.png", Image.new("1", (11_000, 11_000)))
    assert open_picture(path) == "too large image"


def jpeg() -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello, I am text", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (jpeg()[: len(jpeg()) // 2], "damaged image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "not an image"),
    ],
)
def test_what_cannot_be_read_gives_a_reason(tmp_path, content, reason):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert open_picture(path) == reason


def test_no_damage_raises(tmp_path):
    random = np.random.default_rng(0)
    path = tmp_path / "a"
    for form in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        file = io.BytesIO()
        Image.open(io.BytesIO(jpeg())).save(file, form)
        for _ in range(40):
            content = bytearray(file.getvalue())
            for at in random.integers(0, len(content), 20):
                content[at] = random.integers(256)
            path.write_bytes(content[: random.integers(1, len(content) + 1)])
            assert isinstance(open_picture(path), str | Image.Image)


def test_what_is_no_file_gives_a_reason(tmp_path):
    assert open_picture(tmp_path / "absent.jpg") == "missing file"
    assert open_picture(tmp_path) == "not an image"
