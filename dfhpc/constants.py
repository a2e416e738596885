"""Numbers and words that several rooms share."""

FORMAT_VERSION = 3
"""Version of the run directory; a directory of another version is refused."""

FACE_SIDE = 320
"""Height and width of a face in pixels (Chiu 2021 unified faces to 320x320x3)."""

FACE_CHANNELS = 3

ROW_LENGTH = FACE_SIDE * FACE_SIDE * FACE_CHANNELS
"""Values in one row: a face flattened to 307,200 uint8."""

LABEL_REAL = 0
LABEL_FAKE = 1
LABEL_UNKNOWN = -1
LABEL_NAMES = {LABEL_REAL: "real", LABEL_FAKE: "fake", LABEL_UNKNOWN: "unknown"}

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_RESUMABLE = 75
"""EX_TEMPFAIL of sysexits.h: submit the same command again."""

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
"""Files that count as videos, by suffix in lower case."""

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})
"""Files that count as images, by suffix in lower case."""
