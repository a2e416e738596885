"""Clips of any codec, container and kind, made by code."""

import fractions

import av
import numpy as np
import pytest


def pictures(count, height=96, width=128):
    """Return pictures that say their number in their brightness."""
    return [np.full((height, width, 3), 20 + 5 * i, np.uint8) for i in range(count)]


def moving_pictures(count, height=96, width=128):
    """Return pictures of drifting texture: each is predicted from those before."""
    rng = np.random.default_rng(7)
    texture = rng.integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
    large = texture.repeat(8, axis=0).repeat(8, axis=1)
    large = np.pad(
        large, ((0, height % 8), (0, width % 8), (0, 0)), mode="edge"
    )  # Odd sizes too.
    return [np.roll(large, (i, 2 * i), axis=(0, 1)) for i in range(count)]


def write(
    path, codec, frames, *, pix_fmt="yuv420p", pts=None, options=None, gop=None, **more
):
    """Write RGB or RGBA frames; skip the test where PyAV lacks the encoder."""
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no encoder {codec}")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fractions.Fraction(25))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.options = options or {}
        if gop is not None:
            stream.gop_size = gop
        for name, value in more.items():
            setattr(stream.codec_context, name, value)
        source = "rgba" if frames[0].shape[2] == 4 else "rgb24"
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format=source)
            if pts is not None:
                frame.pts, frame.time_base = pts[index], fractions.Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def remux(sources, target, **dispositions):
    """Write the first video stream of each file into one, with dispositions."""
    with av.open(str(target), "w") as new:
        opened = [av.open(str(path)) for path in sources]
        streams = [new.add_stream_from_template(old.streams.video[0]) for old in opened]
        for number, value in dispositions.items():
            streams[int(number.removeprefix("at"))].disposition = value
        packets = [
            (packet, stream)
            for old, stream in zip(opened, streams, strict=True)
            for packet in old.demux(old.streams.video[0])
            if packet.dts is not None
        ]
        packets.sort(key=lambda pair: float(pair[0].dts * pair[0].time_base))
        for packet, stream in packets:
            packet.stream = stream
            new.mux(packet)
        for old in opened:
            old.close()


def with_rotation(data, degrees):
    """Return an MP4 whose track header asks for a clockwise turn."""
    matrices = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1)}
    a, b, c, d = (matrices | {270: (0, -1, 1, 0)})[degrees]
    at = data.index(b"tkhd") + 4 + 40
    fixed = [value * 65536 for value in (a, b, 0, c, d, 0, 0, 0)] + [1 << 30]
    matrix = b"".join(value.to_bytes(4, "big", signed=True) for value in fixed)
    return data[:at] + matrix + data[at + 36 :]
