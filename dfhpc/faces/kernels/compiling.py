"""From LLVM's assembly language to functions of this process."""

import ctypes
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KINDS = {"ptr": ctypes.c_void_p, "i64": ctypes.c_int64, "float": ctypes.c_float}


@dataclass(frozen=True)
class Shape:
    """What the processor at hand does at a time."""

    lanes: int
    """Floats in a vector."""
    channels: int
    """Output channels of a convolution that are summed up side by side."""
    vectors: int
    """Vectors of pixels beside each other, for each of these channels."""

    @property
    def block(self) -> int:
        """Pixels of a row that a convolution makes at a time."""
        return self.lanes * self.vectors

    def for_crops(self) -> "Shape":
        """Return the shape for pictures side by side, of which there are few."""
        return Shape(self.lanes, channels=8, vectors=1)


@functools.cache
def shape_at_hand() -> Shape:
    """Return what fills the vector registers: 16 of them, or 32 with AVX-512."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Shape(lanes=16, channels=8, vectors=2)
    if features.get("avx"):
        return Shape(lanes=8, channels=4, vectors=3)
    return Shape(lanes=4, channels=4, vectors=3)


@functools.cache
def _target() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    cpu = llvm.get_host_cpu_name()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=3)


class Machine:
    """Compiled functions; they live as long as this object."""

    def __init__(self, text: str, signatures: Mapping[str, Sequence[str]]) -> None:
        """Compile ``text``; ``signatures`` lists each function's arguments."""
        import llvmlite.binding as llvm

        module = llvm.parse_assembly(text)
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=1)
        builder = llvm.create_pass_builder(_target(), options)
        builder.getModulePassManager().run(module, builder)
        self._engine = llvm.create_mcjit_compiler(module, _new_target())
        self._engine.finalize_object()
        self._functions = {
            name: self._function(name, arguments)
            for name, arguments in signatures.items()
        }

    def _function(self, name: str, arguments: Sequence[str]) -> Callable[..., None]:
        kinds = [KINDS[each.split()[0]] for each in arguments]
        address = self._engine.get_function_address(name)
        # While such a function runs, other threads of Python run too.
        return ctypes.CFUNCTYPE(None, *kinds)(address)

    def __getitem__(self, name: str) -> Callable[..., None]:
        """Return a function; arrays are given as the address of their first entry."""
        return self._functions[name]


def _new_target() -> Any:
    """Return a target machine of its own: the compiler takes it away."""
    return _target.__wrapped__()
