"""Numbers and whole blocks in memory, by address.

The operators work on addresses, because Numba counts references to arrays and checks indices, which would
take longer than the samples. An operation on a block works on a vector of 64 numbers, which the compiler
splits into those of the processor.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types

from latentdx.audio.engine.layout import BLOCK

intrinsic: Callable[..., Any] = extending.intrinsic
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_INTEGERS, _FLOATS = ir.VectorType(_INT32, BLOCK), ir.VectorType(ir.FloatType(), BLOCK)


@intrinsic
def address(typing: Any, array: Any) -> Any:
    """Return the address of an array's first element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(data, _INT64)

    return types.int64(array), generate


def _reader(bits: int, extend: str) -> Callable[..., Any]:
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

read_u32 = _reader(32, "zext")
"""Return the unsigned integer of 32 bits at an address."""

read_i32 = _reader(32, "sext")
"""Return the integer of 32 bits at an address."""


@intrinsic
def write_i32(typing: Any, address: Any, value: Any) -> Any:
    """Write an integer as 32 bits to an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _INT32.as_pointer())
        builder.store(builder.trunc(arguments[1], _INT32), pointer)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate


def _load(builder: Any, address: Any) -> Any:
    return builder.load(builder.inttoptr(address, _INTEGERS.as_pointer()), align=4)


def _store(builder: Any, block: Any, address: Any) -> None:
    builder.store(block, builder.inttoptr(address, block.type.as_pointer()), align=4)


def _all(builder: Any, value: Any) -> Any:
    """Return a block that repeats one number."""
    one = builder.insert_element(ir.Constant(_INTEGERS, ir.Undefined), value, _INT32(0))
    return builder.shuffle_vector(one, one, ir.Constant(_INTEGERS, [0] * BLOCK))


def _constant(value: int) -> Any:
    return ir.Constant(_INTEGERS, [value] * BLOCK)


def _ramp(builder: Any, first: Any, step: Any) -> Any:
    """Return the block first, first + step, first + 2 step …, modulo 2^32."""
    first, step = builder.trunc(first, _INT32), builder.trunc(step, _INT32)
    counts = ir.Constant(_INTEGERS, list(range(BLOCK)))
    return builder.add(_all(builder, first), builder.mul(_all(builder, step), counts))


@intrinsic
def write_positions(typing: Any, to: Any, phase: Any, step: Any) -> Any:
    """Write the upper 12 bits of a block of phases."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, phase, step = arguments
        _store(builder, builder.lshr(_ramp(builder, phase, step), _constant(20)), to)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 3), generate


@intrinsic
def write_modulated_positions(typing: Any, to: Any, phase: Any, step: Any, modulator: Any) -> Any:
    """Write the upper 12 bits of a block of phases that a block of samples modulates, 2,048 for a cycle."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, phase, step, modulator = arguments
        moved = builder.shl(_load(builder, modulator), _constant(21))
        phases = builder.add(_ramp(builder, phase, step), moved)
        _store(builder, builder.lshr(phases, _constant(20)), to)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 4), generate


@intrinsic
def add_block(typing: Any, to: Any, block: Any) -> Any:
    """Add a block to another one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, block = arguments
        _store(builder, builder.add(_load(builder, to), _load(builder, block)), to)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate


@intrinsic
def copy_block(typing: Any, to: Any, block: Any) -> Any:
    """Copy a block."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _store(builder, _load(builder, arguments[1]), arguments[0])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate


@intrinsic
def clear_block(typing: Any, to: Any) -> Any:
    """Set a block to zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _store(builder, _constant(0), arguments[0])
        return context.get_dummy_value()

    return types.none(types.int64), generate


@intrinsic
def write_sound(typing: Any, to: Any, block: Any) -> Any:
    """Write a block of samples as float32 at the plug-in's level, of which one step is 1/32768."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, block = arguments
        level = ir.Constant(_FLOATS, [1 / 32768] * BLOCK)
        _store(builder, builder.fmul(builder.sitofp(_load(builder, block), _FLOATS), level), to)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate
