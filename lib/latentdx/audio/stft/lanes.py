"""Vectors of 16 float32 numbers, one for each of 16 frames, for compiled functions.

A loop over frames in plain Numba would depend on the compiler to see that it can be split among the
processor's vectors. Here each operation works on 16 lanes, and the compiler only maps them to the vectors
that the processor has.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.datamodel.registry import register_default
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature

from latentdx.audio.stft.layout import LANES

intrinsic: Callable[..., Any] = extending.intrinsic
lower_builtin: Callable[..., Any] = extending.lower_builtin
_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_FLOATS, _INTEGERS = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT32, LANES)


class LanesType(types.Type):
    """Type of a vector of 16 float32 numbers in compiled functions."""

    def __init__(self) -> None:
        super().__init__(f"Lanes{LANES}")


lanes = LanesType()


@register_default(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _FLOATS)  # type: ignore[no-untyped-call]


def _all(builder: Any, value: Any) -> Any:
    """Return a vector that repeats one number."""
    one = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, _INT32(0))
    return builder.shuffle_vector(one, one, ir.Constant(_INTEGERS, [0] * LANES))


def _define(symbol: Any, instruction: str) -> None:
    """Define an operator on vectors; one of its sides may be a float32 number."""
    sides = (lanes, lanes), (types.float32, lanes), (lanes, types.float32)

    @infer_global(symbol)
    class _Operator(ConcreteTemplate):
        cases = [signature(lanes, *pair) for pair in sides]  # noqa: RUF012

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = [
            value if kind == lanes else _all(builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        return getattr(builder, instruction)(*vectors)

    for pair in sides:
        lower_builtin(symbol, *pair)(lower)


_define(operator.add, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """Return the 16 numbers at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(builder, arguments[0], _FLOATS), align=4)

    return lanes(types.int64), generate


@intrinsic
def store(typing: Any, to: Any, vector: Any) -> Any:
    """Write 16 numbers to an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], _pointer(builder, arguments[0], _FLOATS), align=4)
        return context.get_dummy_value()

    return types.none(types.int64, lanes), generate


@intrinsic
def read(typing: Any, address: Any) -> Any:
    """Return the float32 number at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(builder, arguments[0], _FLOAT), align=4)

    return types.float32(types.int64), generate


@intrinsic
def repeat(typing: Any, value: Any) -> Any:
    """Return a vector that repeats one number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _all(builder, arguments[0])

    return lanes(types.float32), generate


def _call(name: str, n_arguments: int) -> Any:
    """Return a function that LLVM defines on vectors."""

    @intrinsic
    def one(typing: Any, a: Any) -> Any:
        return lanes(lanes), generate

    @intrinsic
    def two(typing: Any, a: Any, b: Any) -> Any:
        return lanes(lanes, lanes), generate

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_FLOATS, [_FLOATS] * n_arguments)
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32")
        return builder.call(function, arguments)

    return one if n_arguments == 1 else two


sqrt = _call("sqrt", 1)
"""Return the square roots."""

absolute = _call("fabs", 1)
"""Return the absolute values."""

larger = _call("maxnum", 2)
"""Return the larger of two numbers in each lane."""


@intrinsic
def exponent_and_mantissa(typing: Any, vector: Any) -> Any:
    """Split positive numbers into a whole exponent, as a float, and a mantissa in [sqrt(1/2), sqrt(2))."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def constant(value: int) -> Any:
            return ir.Constant(_INTEGERS, [value] * LANES)

        bits = builder.sub(builder.bitcast(arguments[0], _INTEGERS), constant(0x3F3504F3))  # sqrt(1/2)
        exponent = builder.sitofp(builder.ashr(bits, constant(23)), _FLOATS)
        mantissa = builder.add(builder.and_(bits, constant(0x7FFFFF)), constant(0x3F3504F3))
        return context.make_tuple(
            builder, signature.return_type, [exponent, builder.bitcast(mantissa, _FLOATS)]
        )

    return types.UniTuple(lanes, 2)(lanes), generate


@intrinsic
def total(typing: Any, vector: Any) -> Any:
    """Return the sum of the lanes, as float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = ir.Constant(ir.DoubleType(), 0.0)
        for i in range(LANES):
            lane = builder.extract_element(arguments[0], _INT32(i))
            result = builder.fadd(result, builder.fpext(lane, ir.DoubleType()))
        return result

    return types.float64(lanes), generate


@intrinsic
def largest(typing: Any, vector: Any) -> Any:
    """Return the largest number of the lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = builder.extract_element(arguments[0], _INT32(0))
        for i in range(1, LANES):
            lane = builder.extract_element(arguments[0], _INT32(i))
            result = builder.select(builder.fcmp_ordered(">", lane, result), lane, result)
        return result

    return types.float32(lanes), generate


def _interleaver(first: int) -> Any:
    order = [lane for i in range(LANES // 2) for lane in (first + i, LANES + first + i)]

    @intrinsic
    def interleave(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.shuffle_vector(*arguments, ir.Constant(_INTEGERS, order))

        return lanes(lanes, lanes), generate

    return interleave


low_lanes = _interleaver(0)
"""Return the lower halves of two vectors in turn: a0, b0, a1, b1 …"""

high_lanes = _interleaver(LANES // 2)
"""Return the upper halves of two vectors in turn."""


@intrinsic
def leading(typing: Any, n: Any) -> Any:
    """Return a vector with 1 in the first n lanes and 0 in the others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        n = builder.trunc(arguments[0], _INT32)
        one = builder.insert_element(ir.Constant(_INTEGERS, ir.Undefined), n, _INT32(0))
        count = builder.shuffle_vector(one, one, ir.Constant(_INTEGERS, [0] * LANES))
        inside = builder.icmp_signed("<", ir.Constant(_INTEGERS, list(range(LANES))), count)
        return builder.uitofp(inside, _FLOATS)

    return lanes(types.int64), generate
