"""All functions of this folder, compiled once a process."""

import functools

from dfhpc.faces.kernels import crops, networks, resizing
from dfhpc.faces.kernels.compiling import Machine, shape_at_hand
from dfhpc.faces.kernels.writing import declarations


@functools.cache
def machine() -> Machine:
    """Return the functions; the first call takes a few tenths of a second."""
    shape = shape_at_hand()
    kinds = sorted({f"<{shape.lanes} x float>", "<4 x float>", "float"})
    found = [resizing.resize(shape), *networks.functions(shape), crops.crop()]
    text = declarations(kinds) + "\n".join(each.text() for each in found)
    signatures = resizing.SIGNATURES | networks.SIGNATURES | crops.SIGNATURES
    return Machine(text, signatures)
