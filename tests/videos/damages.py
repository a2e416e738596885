"""Ways in which files are damaged, forged or not what their name says."""

import io
import struct
import zipfile

import av
import cv2
import numpy as np

from tests.videos.made_clips import moving_pictures, write

NUM_FRAMES = 40

MADE = [
    ("h264.mp4", "libx264", "yuv420p", {"x264-params": "bframes=2"}),
    ("hevc.mp4", "libx265", "yuv420p", {"x265-params": "log-level=0"}),
    ("av1.mp4", "libsvtav1", "yuv420p", {"preset": "12"}),
    ("prores.mov", "prores_ks", "yuv422p10le", {}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", {"deadline": "realtime"}),
    ("h264.mkv", "libx264", "yuv444p", {}),
    ("ffv1.mkv", "ffv1", "bgr0", {}),
    ("h264.ts", "libx264", "yuv420p", {}),
    ("mpeg2.mpg", "mpeg2video", "yuv420p", {}),
    ("mpeg4.avi", "mpeg4", "yuv420p", {}),
    ("gif.gif", "gif", "rgb8", {}),
]


def sample_files(folder, data_dir):
    """Return suffix and content of sound files: made ones, and real ones if given."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, codec, pix_fmt, options in MADE:
        if codec in av.codecs_available and not (folder / name).exists():
            shown = moving_pictures(NUM_FRAMES)
            write(folder / name, codec, shown, pix_fmt=pix_fmt, options=options, gop=12)
    if data_dir is not None:
        for number, path in enumerate(sorted((data_dir / "ffpp").rglob("*.mp4"))[:3]):
            _shorten(path, folder / f"real{number}.mp4")
        dark = data_dir / "dfdc" / "abofeumbvv.mp4"
        _shorten(dark, folder / "real_dfdc.mp4")
        mpeg = sorted((data_dir / "grid").glob("*.mpg"))[0]
        (folder / "real_grid.mpg").write_bytes(mpeg.read_bytes())
    return [(path.suffix, path.read_bytes()) for path in sorted(folder.iterdir())]


def _shorten(source, target):
    """Write the first packets of a file, as they are, with the index in front."""
    with (
        av.open(str(source)) as old,
        av.open(str(target), "w", options={"movflags": "faststart"}) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(old.streams.video[0])):
            if packet.dts is None or number == NUM_FRAMES:
                break
            packet.stream = stream
            new.mux(packet)


def damaged_files(samples, count, seed):
    """Yield kind, suffix and content of ``count`` files, all kinds in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        damage = DAMAGES[number % len(DAMAGES)]
        # Each kind goes round all samples.
        suffix, content = samples[(number // len(DAMAGES)) % len(samples)]
        other = samples[int(rng.integers(len(samples)))][1]
        kind = damage.__name__.removeprefix("_")
        yield kind, suffix, bytes(damage(bytearray(content), other, rng))


def _flipped(data, low, high, count, rng):
    for position in rng.integers(low, max(high, low + 1), count):
        data[min(int(position), len(data) - 1)] ^= int(rng.integers(1, 256))
    return data


def _few_flips(data, other, rng):
    return _flipped(data, 0, len(data), int(rng.integers(1, 5)), rng)


def _many_flips(data, other, rng):
    return _flipped(data, 0, len(data), max(20, len(data) // 100), rng)


def _flips_in_the_head(data, other, rng):
    return _flipped(data, 0, min(len(data), 1500), int(rng.integers(1, 20)), rng)


def _flips_in_the_body(data, other, rng):
    return _flipped(data, len(data) // 4, len(data), int(rng.integers(1, 40)), rng)


def _flips_in_the_index(data, other, rng):
    at = data.find(b"stbl")
    low = max(at, 0)
    return _flipped(data, low, min(low + 1200, len(data)), 6, rng)


def _cut_anywhere(data, other, rng):
    return data[: int(rng.integers(1, len(data)))]


def _cut_in_the_head(data, other, rng):
    return data[: int(rng.integers(1, min(64, len(data))))]


def _cut_by_a_byte(data, other, rng):
    return data[:-1]


def _cut_at_an_atom(data, other, rng):
    atoms = _atoms(data)
    start, end = atoms[int(rng.integers(len(atoms)))]
    return data[: max(1, [start, start + 8, end][int(rng.integers(3))])]


def _cut_at_a_packet(data, other, rng):
    ends = _packet_ends(data)
    return data[: ends[int(rng.integers(len(ends)))] if ends else len(data) // 2]


def _without_the_start(data, other, rng):
    return data[int(rng.integers(1, len(data))) :]


def _zeroed(data, other, rng):
    start, length = (int(value) for value in rng.integers(0, len(data), 2))
    length //= 4
    data[start : start + length] = bytes(len(data[start : start + length]))
    return data


def _noise_inside(data, other, rng):
    start = int(rng.integers(len(data)))
    return data[:start] + rng.bytes(2000) + data[start:]


def _hole(data, other, rng):
    start = int(rng.integers(len(data)))
    return data[:start] + data[start + int(rng.integers(1, 5000)) :]


def _junk_behind(data, other, rng):
    return data + rng.bytes(int(rng.integers(1, 20_000)))


def _twice(data, other, rng):
    return data + data


def _head_of_another(data, other, rng):
    length = int(rng.integers(8, 3000))
    return bytearray(other[:length]) + data[length:]


def _tail_of_another(data, other, rng):
    length = int(rng.integers(8, len(data)))
    return data[:length] + bytearray(other[length:])


def _swapped_atoms(data, other, rng):
    atoms = [bytes(data[start:end]) for start, end in _atoms(data)]
    order = rng.permutation(len(atoms))
    return b"".join(atoms[i] for i in order)


def _swapped_blocks(data, other, rng):
    blocks = [bytes(data[i : i + 512]) for i in range(0, len(data), 512)]
    one, two = (int(value) for value in rng.integers(0, len(blocks), 2))
    blocks[one], blocks[two] = blocks[two], blocks[one]
    return b"".join(blocks)


def _huge_picture(data, other, rng):
    """Claim 65535 x 65535, or as large as the size fields of the container go."""
    for name in (b"avc1", b"hvc1", b"hev1", b"av01", b"apcn", b"mp4v"):
        at = data.find(name, data.find(b"stsd"))
        if at >= 0:
            data[at + 28 : at + 32] = b"\xff\xff\xff\xff"
            return data
    # Matroska's PixelWidth and PixelHeight, GIF's and MPEG's own.
    for name in (b"\xb0\x82", b"\xba\x82", b"\xb0\x81", b"\xba\x81"):
        at = data.find(name)
        if at >= 0:
            data[at + 2 : at + 2 + (name[1] & 0xF)] = b"\xff" * (name[1] & 0xF)
    if data[:3] == b"GIF":
        data[6:10] = b"\xff\xff\xff\xff"
    at = data.find(b"\x00\x00\x01\xb3")
    if at >= 0:
        data[at + 4 : at + 7] = b"\xff\xff\xff"
    return data


def _huge_counts(data, other, rng):
    """Claim billions of entries in the tables of an MP4, or frames in an AVI."""
    for name in (b"stsz", b"stts", b"ctts", b"stsc", b"stco", b"avih"):
        at = data.find(name)
        if at >= 0 and rng.random() < 0.5:
            data[at + 8 : at + 16] = struct.pack(">II", 0x7FFFFFFF, 0x7FFFFFF0)
    return data


def _huge_atom(data, other, rng):
    atoms = _atoms(data)
    start, _ = atoms[int(rng.integers(len(atoms)))]
    data[start : start + 4] = b"\x7f\xff\xff\xff"
    return data


def _no_time(data, other, rng):
    """Claim a time scale of 0 or 1: no time, or a film of years."""
    at = data.find(b"mdhd")
    if at >= 0:
        data[at + 16 : at + 20] = struct.pack(">I", int(rng.integers(0, 2)))
    return data


def _text(data, other, rng):
    return b"It is no video.\n" * int(rng.integers(1, 5000))


def _noise(data, other, rng):
    return rng.bytes(len(data))


def _zip(data, other, rng):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("video.mp4", bytes(data))
    return file.getvalue()


def _jpeg(data, other, rng):
    picture = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def _playlist(data, other, rng):
    """Name other files: what is read must be this file alone."""
    return b"ffconcat version 1.0\nfile /etc/passwd\nfile 00000-few_flips.mp4\n"


def _stream_list(data, other, rng):
    return b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/dev/zero\n#EXT-X-ENDLIST\n"


def _nothing(data, other, rng):
    return b""


def _sound(data, other, rng):
    return data


DAMAGES = [
    value
    for name, value in list(globals().items())
    if name.startswith("_")
    and callable(value)
    and getattr(value, "__code__", None)
    and value.__code__.co_varnames[:3] == ("data", "other", "rng")
]


def _atoms(data):
    """Return begin and end of the topmost atoms; the whole, where there are none."""
    found, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data) or not data[at + 4 : at + 8].isalnum():
            break
        found.append((at, at + size))
        at += size
    return found if len(found) > 1 else [(0, len(data))]


def _packet_ends(data):
    with av.open(io.BytesIO(bytes(data))) as container:
        return [
            packet.pos + packet.size
            for packet in container.demux(container.streams.video[0])
            if packet.pos is not None and packet.size
        ]
