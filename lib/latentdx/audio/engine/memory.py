"""Memory at an address, for the loops in which Numba's checks of array indices would cost time."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_INT64 = ir.IntType(64)


@intrinsic
def address(typing: Any, array: Any) -> Any:
    """Return the address of an array's first element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(data, _INT64)

    return types.int64(array), generate


def _reader(bits: int, extend: str) -> Callable[[int], int]:
    @intrinsic
    def read(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], ir.IntType(bits).as_pointer())
            return getattr(builder, extend)(builder.load(pointer), _INT64)

        return types.int64(types.int64), generate

    return read


read_u16 = _reader(16, "zext")
"""Return the unsigned integer of 16 bits at an address."""

read_i16 = _reader(16, "sext")
"""Return the integer of 16 bits at an address."""

read_i32 = _reader(32, "sext")
"""Return the integer of 32 bits at an address."""


@intrinsic
def write_i32(typing: Any, address: Any, value: Any) -> Any:
    """Write an integer as 32 bits to an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(32).as_pointer())
        builder.store(builder.trunc(arguments[1], ir.IntType(32)), pointer)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate
