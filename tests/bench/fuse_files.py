"""The made world of fuse_world as people have theirs: titles, PNG, WAV and MP4.

What a modality says of an item is three numbers in 0 .. 1: of a title a beast, its warmth and its
noise; of a picture its hue, and how dense and how steep its stripes are; of a sound its pitch, how
many overtones it has and how fast it pulses; of a film its hue, how often it cuts and how fast its
bar moves. A lie shows: a title says so, a picture has a frame, a sound hisses, a film flickers.
"""

import colorsys
import wave
from pathlib import Path

import av
import numpy as np
from fuse_world import NAMES, Told, World, taken, things, write_tables
from PIL import Image
from scipy.stats import norm

BEASTS = ("worm", "trout", "sparrow", "cat", "horse", "elephant")
WARMTH = ("frozen", "cold", "cool", "mild", "warm", "burning")
LOUDNESS = ("silent", "hushed", "quiet", "lively", "loud", "deafening")
RATE = 16_000
FRAMES, FPS = 50, 25


def write(folder: Path, world: World, seed: int = 0, items_seed: int = 0) -> dict[str, Told]:
    """interactions.csv, items.csv, images/, sounds/, films/. Of one `items_seed` the items are the
    same whoever the users are, so that they are encoded once."""
    draw = np.random.default_rng(items_seed)
    traits, told = things(world, draw)
    for name in ("images", "sounds", "films"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shares = {name: norm.cdf(told[name].traits) for name in NAMES}
    for n in range(world.items):
        lie = {name: bool(told[name].lies[n]) for name in NAMES}
        picture(shares["image"][n], lie["image"]).save(folder / "images" / f"i{n}.png")
        save_sound(folder / "sounds" / f"i{n}.wav", sound(shares["audio"][n], lie["audio"], draw))
        save_film(folder / "films" / f"i{n}.mp4", film(shares["video"][n], lie["video"]))
    titles = [title(*row) for row in zip(shares["text"], told["text"].lies, strict=True)]
    write_tables(folder, titles, taken(traits, world, np.random.default_rng((seed, 1))))
    return told


def title(shares: np.ndarray, lie: bool) -> str:
    """Each share picks a word."""
    beast, warmth, loudness = (
        words[int(share * len(words))]
        for words, share in zip((BEASTS, WARMTH, LOUDNESS), shares, strict=True)
    )
    return f"{'rumour of ' if lie else ''}a {warmth} {loudness} {beast}"


def picture(shares: np.ndarray, lie: bool, size: int = 64) -> Image.Image:
    """Stripes in one hue."""
    hue, dense, steep = shares
    y, x = np.mgrid[:size, :size] / size
    angle = steep * np.pi / 2
    wave_ = np.sin(2 * np.pi * (2 + 10 * dense) * (x * np.cos(angle) + y * np.sin(angle)))
    pixels = (0.6 + 0.4 * wave_)[..., None] * _rgb(hue)
    if lie:
        edge = np.minimum.reduce([x, y, 1 - x, 1 - y]) < 0.12
        pixels[edge] = 1
    return Image.fromarray((255 * pixels).astype(np.uint8))


def _rgb(hue: float) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(0.8 * hue, 0.9, 1.0))


def sound(shares: np.ndarray, lie: bool, draw: np.random.Generator) -> np.ndarray:
    """One second, (samples,) in -1 .. 1."""
    pitch, overtones, pulse = shares
    time = np.arange(RATE) / RATE
    first = 110 * 2 ** (3 * pitch)
    tone = sum(overtones**n * np.sin(2 * np.pi * first * (n + 1) * time) for n in range(6))
    tone = tone * (1 + 0.8 * np.sin(2 * np.pi * (1 + 15 * pulse) * time))
    tone = 0.5 * tone / np.abs(tone).max()
    return tone + lie * 0.1 * draw.normal(size=RATE)


def save_sound(path: Path, samples: np.ndarray) -> None:
    """16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())


def film(shares: np.ndarray, lie: bool, height: int = 54, width: int = 96) -> np.ndarray:
    """Two seconds, (frames, height, width, 3) uint8."""
    hue, cuts, speed = shares
    pixels = np.empty((FRAMES, height, width, 3))
    shots = (np.arange(FRAMES) * (1 + 12 * cuts) / FRAMES).astype(int)
    for n in range(FRAMES):
        pixels[n] = _rgb(hue) * (0.35 + 0.5 * (shots[n] % 2))
        left = int(n * (0.2 + 4 * speed)) % width
        pixels[n, :, left : left + 8] = 1
    if lie:
        pixels[::2] *= 0.5
    return (255 * pixels).astype(np.uint8)


def save_film(path: Path, frames: np.ndarray) -> None:
    """H.264 in MP4."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=FPS)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for own in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(own, format="rgb24")))
        file.mux(stream.encode())
