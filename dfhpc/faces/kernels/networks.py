"""The loops of the networks: convolutions, PReLU and pools.

Pictures and activations are planes of float32, one a channel, rows padded to whole
blocks. Pictures are kept as two sets of planes, even and odd columns: then both
columns of a pool of 2 x 2 lie at the same place.
"""

import itertools

from dfhpc.faces.kernels.compiling import Shape
from dfhpc.faces.kernels.writing import Function

FIRST = (
    *("ptr planes", "i64 parity", "i64 plane", "i64 row", "i64 second"),
    *("ptr weights", "ptr out", "i64 out_plane", "i64 out_row"),
    *("i64 rows", "i64 blocks", "i64 pairs", "i64 odd_columns"),
)
"""``second`` is where the second row of a pool lies, from its first; ``odd_columns``
is how many pools have a second column."""

FIRST_TAPS = 27


def first(shape: Shape) -> Function:
    """Return the first convolution, its PReLU and the pool of 2 x 2, for some rows.

    Weights of a pair of channels: for both the bias, for both the slope, then for
    each tap (channel, row, column) both weights.
    """
    f = Function("first", FIRST, shape.lanes)
    totals = {key: f.variable(f.vector) for key in _FOURS}
    with f.loop("%rows") as y, f.loop("%pairs") as pair, f.loop("%blocks") as block:
        x = f.mul(block, shape.lanes)
        weights = f.at("%weights", f.mul(pair, 2 * (FIRST_TAPS + 2)))
        start = f.at("%planes", f.add(f.mul(f.mul(y, 2), "%row"), x))
        _sum_first(f, start, weights, totals)
        for channel in range(2):
            slope = f.load_spread(weights, 2 + channel)
            sums = [f.load(totals[channel, *yx], f.vector) for yx in _PLACES]
            number = f.add(f.mul(pair, 2), channel)
            place = f.add(f.mul(number, "%out_plane"), f.mul(y, "%out_row"))
            place = f.add(place, x)
            f.store(_pool(f, x, sums, slope), f.at("%out", place), f.vector)
    return f


_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Row and column in a pool of 2 x 2."""

_FOURS = tuple((channel, *place) for channel in range(2) for place in _PLACES)


def _sum_first(
    f: Function, start: str, weights: str, totals: dict[tuple[int, int, int], str]
) -> None:
    """Sum up the taps of a pair of channels at the four places of a pool."""
    for channel, y, side in _FOURS:
        f.store(f.load_spread(weights, channel), totals[channel, y, side], f.vector)
    with f.loop(3) as plane, f.loop(3) as row:
        place = f.add(f.mul("%plane", plane), f.mul("%row", row))
        upper = f.at(start, place)
        factors = f.at(weights, f.add(f.mul(plane, 18), f.add(f.mul(row, 6), 4)))
        sums = {key: f.load(totals[key], f.vector) for key in _FOURS}
        spread = [f.load_spread(factors, number) for number in range(6)]
        for y, line in enumerate((upper, f.at(upper, "%second"))):
            # Columns 0 and 2 are even, 1 and 3 odd.
            odd = f.at(line, "%parity")
            at = (line, odd, f.at(line, 1), f.at(odd, 1))
            pixels = [f.load(pointer, f.vector) for pointer in at]
            for column, side, channel in itertools.product(range(3), (0, 1), (0, 1)):
                key = channel, y, side
                factor = spread[2 * column + channel]
                sums[key] = f.fma(pixels[column + side], factor, sums[key])
        for key in _FOURS:
            f.store(sums[key], totals[key], f.vector)


def _pool(f: Function, x: str, sums: list[str], slope: str) -> str:
    """Return the greatest of the four, the second column only where there is one."""
    left_top, right_top, left, right = (f.prelu(value, slope) for value in sums)
    first_column = f.call("maxnum", left_top, left)
    both = f.call("maxnum", first_column, f.call("maxnum", right_top, right))
    return f.where_before(x, "%odd_columns", both, first_column)


CONVOLVE = (
    *("ptr planes", "i64 plane", "i64 row", "i64 step", "i64 channels"),
    *("ptr weights", "ptr out", "i64 out_plane", "i64 out_row"),
    *("i64 rows", "i64 blocks", "i64 groups"),
)
"""``step`` is how far apart columns lie: 1, or more where each column holds as many
pictures side by side."""


def convolve(name: str, shape: Shape, side: int, *, dot: bool = False) -> Function:
    """Return a convolution of ``side`` x ``side`` with its PReLU, for some rows.

    With ``dot`` it is not the channels that are stored but their sum, weighted, on
    top of what ``out`` holds. Weights of a group of channels: the biases, the
    slopes, with ``dot`` the weights of the sum, then for each input channel and tap
    (row, column) all weights of the group.
    """
    f = Function(name, CONVOLVE, shape.lanes)
    size = shape.channels
    head = (3 if dot else 2) * size
    per_group = f.add(f.mul("%channels", side * side * size), head)
    with f.loop("%rows") as y, f.loop("%groups") as group, f.loop("%blocks") as block:
        x = f.mul(block, shape.block)
        weights = f.at("%weights", f.mul(group, per_group))
        source = f.at("%planes", f.add(f.mul(y, "%row"), x))
        sums = _sums(f, shape, side, source, f.at(weights, head), weights)
        values = _activated(f, shape, sums, weights)
        out = f.at("%out", f.add(f.mul(y, "%out_row"), x))
        if dot:
            _add_dots(f, shape, values, weights, out)
        else:
            _store_channels(f, shape, values, group, out)
    return f


def _sums(
    f: Function, shape: Shape, side: int, source: str, taps: str, biases: str
) -> dict[tuple[int, int], str]:
    """Return the variables that hold the sums, by channel and vector."""
    keys = [(c, v) for c in range(shape.channels) for v in range(shape.vectors)]
    totals = {key: f.variable(f.vector) for key in keys}
    for channel in range(shape.channels):
        bias = f.load_spread(biases, channel)
        for vector in range(shape.vectors):
            f.store(bias, totals[channel, vector], f.vector)
    with f.loop("%channels") as channel_in:
        plane = f.at(source, f.mul(channel_in, "%plane"))
        offset = f.mul(channel_in, side * side * shape.channels)
        values = {key: f.load(totals[key], f.vector) for key in keys}
        for row, column in itertools.product(range(side), repeat=2):
            place = f.add(f.mul("%row", row), f.mul("%step", column))
            tap = f.add(offset, (side * row + column) * shape.channels)
            _add_tap(f, shape, f.at(plane, place), f.at(taps, tap), values)
        for key in keys:
            f.store(values[key], totals[key], f.vector)
    return totals


def _add_tap(
    f: Function,
    shape: Shape,
    source: str,
    factors: str,
    values: dict[tuple[int, int], str],
) -> None:
    """Add, to each channel's sum, the pixels under a tap times its weight."""
    pixels = [
        f.load(f.at(source, vector * shape.lanes), f.vector)
        for vector in range(shape.vectors)
    ]
    for channel in range(shape.channels):
        factor = f.load_spread(factors, channel)
        for vector in range(shape.vectors):
            key = channel, vector
            values[key] = f.fma(pixels[vector], factor, values[key])


def _activated(
    f: Function, shape: Shape, sums: dict[tuple[int, int], str], weights: str
) -> dict[tuple[int, int], str]:
    values = {}
    for channel in range(shape.channels):
        slope = f.load_spread(weights, shape.channels + channel)
        for vector in range(shape.vectors):
            value = f.load(sums[channel, vector], f.vector)
            values[channel, vector] = f.prelu(value, slope)
    return values


def _store_channels(
    f: Function,
    shape: Shape,
    values: dict[tuple[int, int], str],
    group: str,
    out: str,
) -> None:
    for channel in range(shape.channels):
        number = f.add(f.mul(group, shape.channels), channel)
        plane = f.at(out, f.mul(number, "%out_plane"))
        for vector in range(shape.vectors):
            place = f.at(plane, vector * shape.lanes)
            f.store(values[channel, vector], place, f.vector)


def _add_dots(
    f: Function,
    shape: Shape,
    values: dict[tuple[int, int], str],
    weights: str,
    out: str,
) -> None:
    for vector in range(shape.vectors):
        place = f.at(out, vector * shape.lanes)
        total = f.load(place, f.vector)
        for channel in range(shape.channels):
            factor = f.load_spread(weights, 2 * shape.channels + channel)
            total = f.fma(values[channel, vector], factor, total)
        f.store(total, place, f.vector)


POOL = (
    *("ptr planes", "i64 plane", "i64 row", "i64 height", "i64 width", "i64 side"),
    *("ptr out", "i64 out_plane", "i64 out_row"),
    *("i64 channels", "i64 out_height", "i64 out_width", "i64 step"),
)


def pool(shape: Shape) -> Function:
    """Return the greatest of ``side`` x ``side``, two apart, of many pictures.

    A pool that would reach over the edge ends there.
    """
    f = Function("pool", POOL, shape.lanes)
    best = f.variable(f.vector)
    with f.loop("%channels") as channel, f.loop("%out_height") as y:
        plane = f.at("%planes", f.mul(channel, "%plane"))
        place = f.add(f.mul(channel, "%out_plane"), f.mul(y, "%out_row"))
        top = f.mul(y, 2)
        bottom = f.smaller(f.add(top, "%side"), "%height")
        with f.loop("%out_width") as x, f.loop("%step", step=shape.lanes) as lane:
            left = f.mul(x, 2)
            right = f.smaller(f.add(left, "%side"), "%width")
            f.store(f.splat(LEAST), best, f.vector)
            with f.loop(bottom, top) as row, f.loop(right, left) as column:
                start = f.add(f.mul(row, "%row"), f.mul(column, "%step"))
                value = f.load(f.at(plane, f.add(start, lane)), f.vector)
                so_far = f.load(best, f.vector)
                f.store(f.call("maxnum", value, so_far), best, f.vector)
            there = f.add(f.add(place, f.mul(x, "%step")), lane)
            f.store(f.load(best, f.vector), f.at("%out", there), f.vector)
    return f


LEAST = "-1073741824.0"
"""Less than any activation."""

CROP_SIDES = (3, 2, 1)
"""Sides of the convolutions of R-Net and O-Net; a dense layer is one of side 1."""

SIGNATURES: dict[str, tuple[str, ...]] = {
    "first": FIRST,
    "convolve": CONVOLVE,
    "convolve_dot": CONVOLVE,
    "pool": POOL,
} | {f"convolve_crops_{side}": CONVOLVE for side in CROP_SIDES}


def functions(shape: Shape) -> list[Function]:
    """Return all of them."""
    crops = shape.for_crops()
    return [
        first(shape),
        convolve("convolve", shape, 3),
        convolve("convolve_dot", shape, 3, dot=True),
        pool(shape),
        *(convolve(f"convolve_crops_{side}", crops, side) for side in CROP_SIDES),
    ]
