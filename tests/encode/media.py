"""Films and sounds that tests write."""

import wave
from fractions import Fraction

import numpy as np

SIZE = (48, 64)


def save_film(path, reds, times=None, rate=10, codec="mpeg4", size=SIZE, sound=None, gop=12):
    """One picture a red, shown from its time (seconds) on; evenly at `rate` without times. `sound`
    is (samples (n, channels) int16, rate)."""
    import av

    with av.open(path, "w") as film:
        stream = film.add_stream(codec, rate=rate, options={"g": str(gop)})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        layout = "stereo" if sound and sound[0].shape[1] == 2 else "mono"
        audio = film.add_stream("aac", rate=sound[1], layout=layout) if sound else None
        for n, red in enumerate(reds):
            picture = np.zeros((*size, 3), np.uint8)
            picture[...] = (red, 128, 90)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[n] * 1000), stream.codec_context.time_base
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
        if sound:
            film.mux([p for frame in _frames(*sound, layout) for p in audio.encode(frame)])
            film.mux(audio.encode())
    return path


def _frames(samples, rate, layout):
    import av

    for start in range(0, len(samples), 1024):
        part = np.ascontiguousarray(samples[start : start + 1024].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, start
        yield frame


def sine(seconds=1.0, pitch=440.0, rate=16_000, loud=0.5):
    """(n,) float32."""
    return (loud * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype("f4")


def as_int16(*channels):
    """(n, channels) int16 of samples -1 to 1."""
    return (np.stack(channels, 1) * 32767).round().astype(np.int16)


def save_wav(path, *channels, rate=16_000):
    """16 bits, by the standard library."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(as_int16(*channels).tobytes())
    return path
