"""Text on images that came in, and on faces that went out."""

from collections.abc import Iterator, Mapping
from typing import Any

from dfhpc.reporting.extraction_text import extraction_text


def import_text(summary: Mapping[str, Any]) -> str:
    """Return what was imported, as a table and sentences."""
    head = f"{summary['images']} images as {summary['videos']} videos."
    table = extraction_text(summary["extraction"])
    return "\n".join([head, "", table, *_warnings(summary)])


def _warnings(summary: Mapping[str, Any]) -> Iterator[str]:
    if summary["images_left_out"]:
        yield (
            f"{summary['images_left_out']} images are left out: extract."
            "frames_per_video is less than some videos have, and the images taken of "
            "those are spread evenly."
        )
    if summary["without_label"]:
        yield (
            f"{summary['without_label']} videos have no label: they lie below no "
            "folder called real or fake."
        )
    if summary["single_images"]:
        yield (
            f"{summary['single_images']} videos are one image each. LEAK: if some are "
            "of one video, it may train and test; tell with --group-by which belong "
            "together."
        )
    if not summary["groups_known"]:
        yield (
            "Nothing tells who is in which video, so the same people may be on both "
            "sides of a split; name groups by (?P<group>...) in --group-by."
        )


def export_text(note: Mapping[str, Any]) -> str:
    """Return what was written, in a sentence or two."""
    labels = ", ".join(f"{count} {name}" for name, count in note["labels"].items())
    size = f"{note['bytes'] / 1e6:.1f} MB"
    lines = [f"{note['rows']} faces ({labels}) in {note['to']}, {size}."]
    if note["left_out_without_label"]:
        lines.append(
            f"{note['left_out_without_label']} faces without a label are left out: "
            "this format knows real and fake."
        )
    if note["format"] == "arr_0":
        lines.append(
            "It holds pickled objects: numpy.load(FILE, allow_pickle=True)['arr_0']; "
            "load no such file from people you do not trust."
        )
    return "\n".join(lines)


def inspection_text(note: Mapping[str, Any]) -> str:
    """Return what sheets were written, and what they leave out."""
    lines = [
        f"{entry['file']}: {entry['pictures']} pictures, {_kilobytes(entry)}"
        if entry["pictures"]
        else f"{entry['file']}: {_kilobytes(entry)}"
        for entry in note["written"]
    ]
    lines = [f"In {note['out']}:", *(f"  {line}" for line in lines)]
    lines += note["left_out"]
    if note.get("videos_not_extracted_yet"):
        lines.append(f"{note['videos_not_extracted_yet']} videos are still to come.")
    return "\n".join(lines)


def _kilobytes(entry: Mapping[str, Any]) -> str:
    return f"{max(1, round(entry['bytes'] / 1000))} kB"
