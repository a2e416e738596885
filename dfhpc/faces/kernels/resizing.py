"""Frames made smaller, into planes as the first convolution of P-Net reads them."""

from dfhpc.faces.kernels.compiling import Shape
from dfhpc.faces.kernels.writing import Function

RESIZE = (
    *("ptr pixels", "i64 stride", "i64 row_bytes"),
    *("ptr y_first", "ptr y_count", "ptr y_weights", "i64 y_most", "i64 rows"),
    *("ptr x_first", "ptr x_count", "ptr x_weights", "i64 x_most", "i64 columns"),
    *("ptr line", "ptr planes", "i64 parity", "i64 plane", "i64 row"),
)
"""``planes`` gets ``rows`` of the small picture; ``line`` is scratch for one row."""


def resize(shape: Shape) -> Function:
    """Return the function that averages the area of the picture under each pixel."""
    f = Function("resize", RESIZE, shape.lanes)
    last = f.add("%row_bytes", -shape.lanes)
    with f.loop("%rows") as y:
        _vertical(f, y, last)
        _horizontal(f, y)
    return f


def _vertical(f: Function, y: str, last: str) -> None:
    """Add up the rows of the picture that the small row covers."""
    first, count = f.load_index("%y_first", y), f.load_index("%y_count", y)
    source = f.at("%pixels", f.mul(first, "%stride"), "i8")
    weights = f.at("%y_weights", f.mul(y, "%y_most"))
    total = f.variable(f.vector)
    with f.loop("%row_bytes", step=f.lanes) as start:
        # The last vector overlaps the one before rather than leave the row.
        x = f.smaller(start, last)
        f.store("zeroinitializer", total, f.vector)
        with f.loop(count) as k:
            place = f.at(source, f.add(f.mul(k, "%stride"), x), "i8")
            weight = f.load_spread(weights, k)
            so_far = f.load(total, f.vector)
            f.store(f.fma(f.bytes_to_floats(place), weight, so_far), total, f.vector)
        f.store(f.load(total, f.vector), f.at("%line", x), f.vector)


def _horizontal(f: Function, y: str) -> None:
    """Add up, in that sum, the columns each pixel covers; three channels at a time."""
    pixel = "<4 x float>"
    total = f.variable(pixel)
    out = f.at("%planes", f.mul(y, "%row"))
    with f.loop("%columns") as x:
        first, count = f.load_index("%x_first", x), f.load_index("%x_count", x)
        source = f.at("%line", f.mul(first, 3))
        weights = f.at("%x_weights", f.mul(x, "%x_most"))
        f.store("zeroinitializer", total, pixel)
        with f.loop(count) as k:
            three = f.load(f.at(source, f.mul(k, 3)), pixel)
            weight = f.spread(f.load(f.at(weights, k), "float"), 4)
            f.store(f.fma(three, weight, f.load(total, pixel), pixel), total, pixel)
        summed = f.load(total, pixel)
        place = f.add(f.mul(f.is_odd(x), "%parity"), f.shift(x, 1))
        for channel in range(3):
            value = f.lane(summed, channel, pixel)
            there = f.add(place, f.mul("%plane", channel))
            f.store(value, f.at(out, there), "float")


SIGNATURES = {"resize": RESIZE}
