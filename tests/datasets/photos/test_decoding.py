from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from slimbench.datasets.photos import decoding
from slimbench.datasets.photos.decoding import (
    BadImage,
    DecodedPhoto,
    check_bad,
    decode,
    fit,
    read_photos,
)
from slimbench.datasets.photos.listing import UNREADABLE
from slimbench.errors import UsageProblem
from tests.datasets.photos.pictures import encoded, noise, write_tree

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (77, 77, 77)


def quarters(mode="RGB", colours=(RED, GREEN, BLUE, GREY)):
    """16 x 16: the first two colours above, the others below."""
    image = Image.new(mode, (16, 16))
    for colour, corner in zip(colours, ((0, 0), (8, 0), (0, 8), (8, 8)), strict=True):
        image.paste(colour, (*corner, corner[0] + 8, corner[1] + 8))
    return image


def corners(pixels):
    return [
        tuple(int(value) for value in pixels[y, x]) for y, x in ((2, 2), (2, 13), (13, 2), (13, 13))
    ]


@pytest.mark.parametrize("form", ["PNG", "BMP"])
def test_an_image_of_the_inputs_size_is_left_as_it_is(form):
    image = noise(0, 16, 12)
    pixels = decode(encoded(image, form), 12, 16, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert np.array_equal(pixels, np.asarray(image))


def test_lossless_webp_too():
    image = noise(0, 16, 16)
    pixels = decode(encoded(image, "WEBP", lossless=True, exact=True), 16, 16, 3)
    assert np.array_equal(pixels, np.asarray(image))


def test_a_jpeg_keeps_its_colours():
    found = corners(decode(encoded(quarters(), "JPEG", quality=95, subsampling=0), 16, 16, 3))
    assert np.abs(np.array(found) - [RED, GREEN, BLUE, GREY]).max() <= 4


def test_palette():
    assert corners(decode(encoded(quarters().quantize(8)), 16, 16, 3)) == [RED, GREEN, BLUE, GREY]


def test_palette_with_a_transparent_colour():
    image = quarters().quantize(8)
    content = encoded(image, transparency=image.getpixel((0, 0)))
    assert corners(decode(content, 16, 16, 3)) == [(255, 255, 255), GREEN, BLUE, GREY]


def test_alpha_is_seen_on_white():
    image = quarters("RGBA", ((255, 0, 0, 255), (0, 0, 0, 0), (0, 0, 255, 128), (9, 8, 7, 255)))
    expected = [RED, (255, 255, 255), (127, 127, 255), (9, 8, 7)]
    assert corners(decode(encoded(image), 16, 16, 3)) == expected


def test_grey_with_alpha():
    image = quarters("LA", ((10, 255), (10, 0), (0, 128), (200, 255)))
    expected = [(10,), (255,), (127,), (200,)]
    assert corners(decode(encoded(image), 16, 16, 1)) == expected
    assert corners(decode(encoded(image), 16, 16, 3)) == [each * 3 for each in expected]


def test_rgb_with_a_transparent_colour():
    content = encoded(quarters(), transparency=GREEN)
    assert corners(decode(content, 16, 16, 3)) == [RED, (255, 255, 255), BLUE, GREY]


@pytest.mark.parametrize("channels", [1, 3])
def test_grey(channels):
    image = quarters("L", (0, 77, 128, 255))
    expected = [(value,) * channels for value in (0, 77, 128, 255)]
    assert corners(decode(encoded(image), 16, 16, channels)) == expected


def test_black_and_white():
    image = quarters("1", (0, 1, 1, 0))
    assert corners(decode(encoded(image), 16, 16, 1)) == [(0,), (255,), (255,), (0,)]


def test_colour_as_one_channel_is_its_luminance():
    # ITU-R 601-2: 0.299 R + 0.587 G + 0.114 B
    assert corners(decode(encoded(quarters()), 16, 16, 1)) == [(76,), (150,), (29,), (77,)]


def test_sixteen_bits_of_grey_lose_their_lower_eight():
    values = np.zeros((16, 16), np.uint16)
    values[:8, 8:], values[8:, :8], values[8:, 8:] = 0x12FF, 0x8000, 0xFFFF
    content = encoded(Image.fromarray(values))
    assert Image.open(io.BytesIO(content)).mode.startswith("I")
    assert corners(decode(content, 16, 16, 1)) == [(0,), (0x12,), (0x80,), (255,)]
    assert corners(decode(content, 16, 16, 3))[1] == (0x12,) * 3


def test_cmyk():
    image = quarters("CMYK", ((0, 255, 255, 0), (255, 0, 255, 0), (255, 255, 0, 0), (0, 0, 0, 178)))
    found = corners(decode(encoded(image, "JPEG", quality=95, subsampling=0), 16, 16, 3))
    assert np.abs(np.array(found) - [RED, GREEN, BLUE, GREY]).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_is_turned_upright(orientation, form):
    # How a camera held in each way stores the upright picture: Exif 2.3, tag 274.
    upright = np.asarray(quarters())
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(form, {})
    content = encoded(Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif, **options)
    found = np.array(corners(decode(content, 16, 16, 3)))
    assert np.abs(found - [RED, GREEN, BLUE, GREY]).max() <= 4


@pytest.mark.parametrize(
    "note", [b"Exif\0\0garbage", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
@pytest.mark.filterwarnings("ignore:.*EXIF.*:UserWarning")
def test_a_whole_image_with_a_broken_note_is_taken_as_it_lies(note):
    image = quarters()
    content = encoded(image, "JPEG", quality=95, subsampling=0, exif=note)
    assert (
        np.abs(np.array(corners(decode(content, 16, 16, 3))) - [RED, GREEN, BLUE, GREY]).max() < 5
    )


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(form):
    first, second = (Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE))
    options = {"lossless": True} if form == "WEBP" else {}
    content = encoded(first, form, save_all=True, append_images=[second, second], **options)
    assert Image.open(io.BytesIO(content)).n_frames > 1
    assert corners(decode(content, 16, 16, 3)) == [RED] * 4


def test_a_colour_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    image = noise(3, 16, 16)
    assert np.array_equal(decode(encoded(image, icc_profile=profile), 16, 16, 3), np.asarray(image))


def by_the_convention(image, size):
    """As torchvision's ClassificationPresetEval does it: Resize(256), CenterCrop(224)."""
    target = round(size * 256 / 224)
    width, height = image.size
    if width <= height:
        full = (target, int(target * height / width))
    else:
        full = (int(target * width / height), target)
    resized = image.resize(full, Image.Resampling.BILINEAR)
    left, top = round((full[0] - size) / 2.0), round((full[1] - size) / 2.0)
    return resized.crop((left, top, left + size, top + size))


@pytest.mark.parametrize(
    "shape", [(500, 375), (375, 500), (300, 300), (257, 224), (224, 225), (100, 800), (2000, 300)]
)
@pytest.mark.parametrize("size", [224, 160, 96])
def test_larger_images_follow_imagenets_convention(shape, size):
    image = noise(1, *shape).resize(shape)
    found = np.asarray(fit(image, size, size)).astype(int)
    expected = np.asarray(by_the_convention(image, size)).astype(int)
    assert found.shape == (size, size, 3)
    # Pillow rounds after each direction, and takes first the one that is less work.
    assert np.abs(found - expected).max() <= 2
    assert np.abs(found - expected).mean() < 0.4


def test_what_lies_outside_of_the_crop_is_cut_off():
    image = Image.new("RGB", (448, 448), RED)
    image.paste(GREEN, (40, 40, 408, 408))  # the crop is from 28 to 420
    assert tuple(fit(image, 224, 224).getpixel((0, 0))) == RED
    assert tuple(fit(image, 224, 224).getpixel((10, 10))) == GREEN
    image.paste(GREEN, (24, 24, 424, 424))
    assert np.array_equal(np.asarray(fit(image, 224, 224)), np.full((224, 224, 3), GREEN))


def test_small_images_are_enlarged_to_their_edges():
    image = noise(2, 32, 32)
    plain = image.resize((96, 96), Image.Resampling.BILINEAR)
    assert np.array_equal(np.asarray(fit(image, 96, 96)), np.asarray(plain))


def test_small_images_are_not_distorted():
    image = Image.new("RGB", (40, 20), RED)
    image.paste(GREEN, (10, 0, 30, 20))  # a square in the middle
    fitted = np.asarray(fit(image, 80, 80))
    assert np.array_equal(fitted[:, 4:-4], np.full((80, 72, 3), GREEN))
    assert tuple(fitted[0, 0]) != GREEN  # its neighbour shines through


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 80), st.integers(1, 80))
def test_any_image_fits_any_input(width, height, to_height, to_width):
    fitted = fit(Image.new("RGB", (width, height), GREY), to_height, to_width)
    assert np.array_equal(np.asarray(fitted), np.full((to_height, to_width, 3), GREY))


@pytest.mark.parametrize("shape", [(1, 20_000), (20_000, 1)])
def test_a_thread_of_pixels_takes_no_memory(shape):
    assert decode(encoded(Image.new("RGB", shape, GREY)), 224, 224, 3).shape == (224, 224, 3)


def png_header(width, height):
    """A PNG file of a few bytes that says how large it is."""
    file = io.BytesIO()
    file.write(b"\x89PNG\r\n\x1a\n")
    fields = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    PngImagePlugin.putchunk(file, b"IHDR", fields)
    PngImagePlugin.putchunk(file, b"IDAT", b"")
    return file.getvalue()


@pytest.mark.parametrize("size", [9_460, 12_000, 60_000])
@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.filterwarnings("default")
def test_a_decompression_bomb_is_refused(size, quiet):
    if quiet:
        warnings.simplefilter("ignore")
    else:
        decoding.expect_large_images()
    with pytest.raises(BadImage, match="more than the 89,478,485 pixels"):
        decode(png_header(size, size), 224, 224, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"just text", "no image of the kinds JPEG, PNG, WEBP, BMP, GIF, TIFF"),
        (b"GIF89a" + bytes(100), "no image of the kinds"),
        (encoded(noise(0, 64, 64), "PNG")[:400], "cannot be decoded whole"),
        (encoded(noise(0, 64, 64), "JPEG")[:900], "cannot be decoded whole"),
        (encoded(noise(0, 64, 64), "BMP")[:900], "cannot be decoded whole"),
        (encoded(noise(0, 64, 64), "WEBP")[:300], "no image|cannot be decoded whole"),
    ],
)
@pytest.mark.filterwarnings("ignore:image file could not be identified:UserWarning")
def test_what_is_no_whole_image_is_bad_and_says_why(content, reason):
    with pytest.raises(BadImage, match=reason):
        decode(content, 32, 32, 3)


EXAMPLES = [
    encoded(
        noise(0, 20, 10), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\1\3\0\1\0\0\0\6\0\0\0"
    ),
    encoded(noise(0, 20, 10).convert("CMYK"), "JPEG"),
    encoded(noise(0, 20, 10).quantize(4)),
    encoded(noise(0, 20, 10).convert("RGBA"), "WEBP"),
    encoded(noise(0, 20, 10), "BMP"),
]


@given(
    st.sampled_from(EXAMPLES),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8),
    st.one_of(st.none(), st.integers(0, 2000)),
)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_image_is_decoded_or_bad_and_nothing_else(content, changes, cut):
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with contextlib.suppress(BadImage):
        assert decode(bytes(damaged[:cut]), 8, 8, 3).shape == (8, 8, 3)


def no_progress(done, total, note=""):
    """Advance nothing."""


def read_all(root, names, shape=(8, 8, 3), advance=no_progress):
    return list(read_photos(root, [("cat", name) for name in names], shape, advance))


@pytest.mark.parametrize("batch", [1, 3, 128])
@pytest.mark.parametrize("cores", [1, 4])
def test_images_come_in_their_order_whatever_reads_them(tmp_path, monkeypatch, batch, cores):
    monkeypatch.setattr(decoding, "BATCH", batch)
    monkeypatch.setattr(decoding, "cores", lambda: cores)
    write_tree(tmp_path, {f"cat/{number}.png": number for number in range(10)})
    read = read_all(tmp_path, [f"{number}.png" for number in range(10)])
    assert [each.photo for each in read] == [("cat", f"{number}.png") for number in range(10)]
    for number, each in enumerate(read):
        assert np.array_equal(each.pixels, np.asarray(noise(number)))
        assert each.fingerprint == hashlib.sha256(encoded(noise(number))).digest()


def test_never_more_than_a_batch_is_read_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "BATCH", 4)
    done = []
    real = decoding.decode
    monkeypatch.setattr(decoding, "decode", lambda *each: done.append(1) or real(*each))
    write_tree(tmp_path, {f"cat/{number:02}.png": number for number in range(20)})
    photos = [("cat", f"{number:02}.png") for number in range(20)]
    for number, _ in enumerate(read_photos(tmp_path, photos, (8, 8, 3), no_progress), start=1):
        assert len(done) <= number + 3


def test_bad_images_say_why_and_the_others_go_on(tmp_path, monkeypatch):
    files = {"cat/a.jpg": b"a text", "cat/b.jpg": b"", "cat/c.png": 1, "cat/e.jpg": bytes(2000)}
    write_tree(tmp_path, files)
    monkeypatch.setattr(decoding, "MAX_FILE_BYTES", 1 << 10)
    read = read_all(tmp_path, ["a.jpg", "b.jpg", "c.png", "d.jpg", "e.jpg"])
    assert [each.problem for each in read] == [
        "it is no image of the kinds JPEG, PNG, WEBP, BMP, GIF, TIFF",
        "the file is empty",
        "",
        "it cannot be read: No such file or directory",
        "the file is longer than 0 MiB",
    ]
    assert [each.pixels is None for each in read] == [True, True, False, True, True]
    assert read[3].fingerprint == UNREADABLE
    assert read[4].fingerprint == hashlib.sha256(bytes(2000)).digest()


def test_a_file_that_may_not_be_read_is_a_bad_image(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    write_tree(tmp_path, {"cat/a.png": 1})
    monkeypatch.setattr(Path, "read_bytes", refuse)
    (read,) = read_all(tmp_path, ["a.png"])
    assert (read.pixels, read.problem) == (None, "it cannot be read: Permission denied")


def test_progress_reaches_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "BATCH", 2)
    told = []
    write_tree(tmp_path, {f"cat/{number}.png": number for number in range(3)})
    read_all(tmp_path, ["0.png", "1.png", "2.png"], advance=lambda *each: told.append(each))
    assert told == [(2, 3, "image 2 of 3"), (3, 3, "image 3 of 3")]


def bad(count):
    return [DecodedPhoto(("cat", f"{n}.jpg"), b"", None, "the file is empty") for n in range(count)]


@pytest.mark.parametrize(("count", "total"), [(0, 5), (1, 100), (2, 200), (50, 5000)])
def test_up_to_one_in_a_hundred_may_be_bad(count, total):
    check_bad(bad(count), total, allow_bad=False)


@pytest.mark.parametrize(("count", "total"), [(1, 99), (3, 254), (51, 5000)])
def test_more_are_refused_unless_allowed(count, total):
    with pytest.raises(UsageProblem, match=f"{count} of {total} images (is|are) bad, more than 1%"):
        check_bad(bad(count), total, allow_bad=False)
    check_bad(bad(count), total, allow_bad=True)


def test_the_first_ten_are_named_with_what_to_do():
    with pytest.raises(UsageProblem) as caught:
        check_bad(bad(12), 20, allow_bad=False)
    message = str(caught.value)
    assert message.startswith(
        "12 of 20 images are bad, more than 1%: cat/0.jpg (the file is empty); cat/1.jpg ("
    )
    assert "cat/9.jpg" in message
    assert "cat/10.jpg" not in message
    assert message.endswith(
        "; and 2 more. Mend or remove them, or allow bad images with --allow-bad."
    )


@pytest.mark.parametrize("allow", [True, False])
def test_images_that_are_all_bad_cannot_be_allowed(allow):
    with pytest.raises(UsageProblem, match=r"3 of 3 images are bad.*Mend or remove them\.$"):
        check_bad(bad(3), 3, allow_bad=allow)


def test_a_png_with_much_text_is_read():
    text = PngImagePlugin.PngInfo()
    text.add_text("project", "x" * 3_000_000, zip=True)
    image = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=text)
    assert np.array_equal(decode(file.getvalue(), 8, 8, 3), np.asarray(image))
