"""Writing functions in LLVM's assembly language: names, loops, vectors."""

import contextlib
import itertools
from collections.abc import Iterator, Sequence

INTRINSICS = ("fmuladd", "maxnum", "minnum")


class Function:
    """The text of a function of which every argument is an i64, a float or a pointer.

    Values are names, as ``%v7``; numbers may stand in their place. Variables that a
    loop changes live in memory until LLVM moves them into registers.
    """

    def __init__(self, name: str, arguments: Sequence[str], lanes: int) -> None:
        """Begin a function; ``arguments`` are as ``ptr source`` or ``i64 count``."""
        self._numbers = itertools.count()
        listed = ", ".join("{} %{}".format(*each.split()) for each in arguments)
        self._head = f"define void @{name}({listed}) {{\nentry:\n"
        self._variables: list[str] = []
        self._lines: list[str] = []
        self.vector = f"<{lanes} x float>"
        self.lanes = lanes

    def text(self) -> str:
        """Return the whole function."""
        body = [*self._variables, *self._lines, "  ret void", "}"]
        return self._head + "\n".join(body) + "\n"

    def _do(self, operation: str) -> str:
        name = f"%v{next(self._numbers)}"
        self._lines.append(f"  {name} = {operation}")
        return name

    def _say(self, line: str) -> None:
        self._lines.append(f"  {line}")

    # Whole numbers.

    def add(self, a: object, b: object) -> str:
        """Return a + b."""
        return self._do(f"add i64 {a}, {b}")

    def mul(self, a: object, b: object) -> str:
        """Return a * b."""
        return self._do(f"mul i64 {a}, {b}")

    def shift(self, a: object, bits: int) -> str:
        """Return a, not negative, divided by 2 ** bits."""
        return self._do(f"lshr i64 {a}, {bits}")

    def is_odd(self, a: object) -> str:
        """Return 0 or 1."""
        return self._do(f"and i64 {a}, 1")

    def smaller(self, a: object, b: object) -> str:
        """Return the smaller number."""
        is_less = self._do(f"icmp slt i64 {a}, {b}")
        return self._do(f"select i1 {is_less}, i64 {a}, i64 {b}")

    # Memory.

    def at(self, pointer: str, index: object, kind: str = "float") -> str:
        """Return the place of entry ``index`` of an array."""
        return self._do(f"getelementptr {kind}, ptr {pointer}, i64 {index}")

    def load(self, pointer: str, kind: str, align: int = 4) -> str:
        """Return what is at ``pointer``."""
        return self._do(f"load {kind}, ptr {pointer}, align {align}")

    def load_index(self, pointer: str, index: object) -> str:
        """Return an entry of an array of int64."""
        return self.load(self.at(pointer, index, "i64"), "i64", 8)

    def store(self, value: str, pointer: str, kind: str) -> None:
        """Put ``value`` to ``pointer``."""
        self._say(f"store {kind} {value}, ptr {pointer}, align 4")

    def variable(self, kind: str) -> str:
        """Return the place of a variable."""
        name = f"%v{next(self._numbers)}"
        self._variables.append(f"  {name} = alloca {kind}")
        return name

    # Vectors of floats.

    def spread(self, scalar: str, lanes: int | None = None) -> str:
        """Return a vector whose every lane is ``scalar``."""
        count = lanes or self.lanes
        kind = f"<{count} x float>"
        first = self._do(f"insertelement {kind} poison, float {scalar}, i32 0")
        mask = f"<{count} x i32> zeroinitializer"
        return self._do(f"shufflevector {kind} {first}, {kind} poison, {mask}")

    def splat(self, number: str) -> str:
        """Return a constant, in every lane."""
        return "<" + ", ".join([f"float {number}"] * self.lanes) + ">"

    def load_spread(self, pointer: str, index: object) -> str:
        """Return a vector whose every lane is entry ``index``."""
        return self.spread(self.load(self.at(pointer, index), "float"))

    def call(self, name: str, *values: str, kind: str | None = None) -> str:
        """Return the result of one of ``INTRINSICS``, lane by lane."""
        kind = kind or self.vector
        listed = ", ".join(f"{kind} {value}" for value in values)
        return self._do(
            f"call nnan nsz {kind} @llvm.{name}.{suffix_of(kind)}({listed})"
        )

    def fma(self, a: str, b: str, c: str, kind: str | None = None) -> str:
        """Return a * b + c, rounded once where the processor can."""
        return self.call("fmuladd", a, b, c, kind=kind)

    def prelu(self, value: str, slope: str) -> str:
        """Return value where it is positive, else slope * value."""
        zero = "zeroinitializer"
        positive = self.call("maxnum", value, zero)
        negative = self.call("minnum", value, zero)
        return self.fma(slope, negative, positive)

    def bytes_to_floats(self, pointer: str) -> str:
        """Return ``lanes`` bytes as floats."""
        whole = self.load(pointer, f"<{self.lanes} x i8>", 1)
        return self._do(f"uitofp <{self.lanes} x i8> {whole} to {self.vector}")

    def byte_to_float(self, pointer: str) -> str:
        """Return one byte as a float."""
        byte = self.load(pointer, "i8", 1)
        return self._do(f"uitofp i8 {byte} to float")

    def float_mul(self, a: str, b: str) -> str:
        """Return a * b, of single floats."""
        return self._do(f"fmul float {a}, {b}")

    def lane(self, vector: str, index: int, kind: str) -> str:
        """Return one lane."""
        return self._do(f"extractelement {kind} {vector}, i32 {index}")

    def where_before(self, first: str, limit: str, yes: str, no: str) -> str:
        """Return ``yes`` in lanes whose number, counted from ``first``, is below."""
        kind = f"<{self.lanes} x i64>"
        left = self._do(f"sub i64 {limit}, {first}")
        one = self._do(f"insertelement {kind} poison, i64 {left}, i32 0")
        mask = f"<{self.lanes} x i32> zeroinitializer"
        all_left = self._do(f"shufflevector {kind} {one}, {kind} poison, {mask}")
        numbers = ", ".join(f"i64 {lane}" for lane in range(self.lanes))
        is_before = self._do(f"icmp slt {kind} <{numbers}>, {all_left}")
        return self._do(
            f"select <{self.lanes} x i1> {is_before}, "
            f"{self.vector} {yes}, {self.vector} {no}"
        )

    # Control.

    @contextlib.contextmanager
    def loop(self, stop: object, start: object = 0, step: object = 1) -> Iterator[str]:
        """Repeat the block while the counter, which is yielded, is below ``stop``."""
        number = next(self._numbers)
        counter = self.variable("i64")
        self._say(f"store i64 {start}, ptr {counter}")
        self._say(f"br label %head{number}")
        self._lines.append(f"head{number}:")
        value = self._do(f"load i64, ptr {counter}")
        go_on = self._do(f"icmp slt i64 {value}, {stop}")
        self._say(f"br i1 {go_on}, label %body{number}, label %end{number}")
        self._lines.append(f"body{number}:")
        yield value
        after = self.add(value, step)
        self._say(f"store i64 {after}, ptr {counter}")
        self._say(f"br label %head{number}")
        self._lines.append(f"end{number}:")


def suffix_of(kind: str) -> str:
    """Return how LLVM names a type in the name of an intrinsic.

    >>> suffix_of("<8 x float>"), suffix_of("float")
    ('v8f32', 'f32')
    """
    if kind == "float":
        return "f32"
    lanes = kind.removeprefix("<").split()[0]
    return f"v{lanes}f32"


def declarations(kinds: Sequence[str]) -> str:
    """Return the declarations of the intrinsics for ``kinds`` of values."""
    lines = []
    for kind, name in itertools.product(kinds, INTRINSICS):
        count = 3 if name == "fmuladd" else 2
        listed = ", ".join([kind] * count)
        lines.append(f"declare {kind} @llvm.{name}.{suffix_of(kind)}({listed})")
    return "\n".join(lines) + "\n"
