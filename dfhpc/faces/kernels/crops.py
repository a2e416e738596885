"""Cutting candidates out of a frame, each to the size that a network wants."""

from dfhpc.faces.kernels.writing import Function

CROP = (
    *("ptr pixels", "ptr y_places", "ptr y_weights", "ptr x_places", "ptr x_weights"),
    *("ptr out", "i64 boxes", "i64 size", "i64 step"),
)
"""For each box and line: two places, in bytes from the first pixel, and two weights,
both 0 outside of the frame. Likewise for each column, in bytes from the line's start.
``out`` gets (3, size, size, step), of which the first boxes of the last axis."""


def crop() -> Function:
    """Return bilinear resampling of boxes, values as MTCNN takes them.

    Outside of the frame they are 0, the middle of the range, as TensorFlow's
    ``crop_and_resize`` has it on pixels that are normalized already.
    """
    f = Function("crop", CROP, 4)
    with f.loop("%boxes") as box, f.loop("%size") as y:
        line = f.mul(f.add(f.mul(box, "%size"), y), 2)
        rows = [
            f.at("%pixels", f.load_index("%y_places", f.add(line, k)), "i8")
            for k in range(2)
        ]
        y_weights = [_weight(f, "%y_weights", line, k) for k in range(2)]
        with f.loop("%size") as x:
            column = f.mul(f.add(f.mul(box, "%size"), x), 2)
            places = [f.load_index("%x_places", f.add(column, k)) for k in range(2)]
            x_weights = [_weight(f, "%x_weights", column, k) for k in range(2)]
            _write_pixel(f, rows, y_weights, places, x_weights, (box, y, x))
    return f


def _weight(f: Function, weights: str, first: str, k: int) -> str:
    return f.load(f.at(weights, f.add(first, k)), "float")


def _write_pixel(
    f: Function,
    rows: list[str],
    y_weights: list[str],
    places: list[str],
    x_weights: list[str],
    position: tuple[str, str, str],
) -> None:
    box, y, x = position
    corners = [
        (f.float_mul(y_weights[i], x_weights[j]), f.at(rows[i], places[j], "i8"))
        for i in range(2)
        for j in range(2)
    ]
    # The middle of the range, where the pixel is inside: then the weights sum to 1.
    middle = "0.0"
    for weight, _ in corners:
        middle = f.fma(weight, "-127.5", middle, "float")
    for channel in range(3):
        value = middle
        for weight, pixel in corners:
            byte = f.byte_to_float(f.at(pixel, channel, "i8"))
            value = f.fma(weight, byte, value, "float")
        line = f.add(f.mul("%size", channel), y)
        place = f.add(f.mul(f.add(f.mul(line, "%size"), x), "%step"), box)
        scaled = f.float_mul(value, "0.0078125")
        f.store(scaled, f.at("%out", place), "float")


SIGNATURES = {"crop": CROP}
