"""Products of matrices in compiled functions, for few rows and for weights that are cut into panels.

A panel is a matrix with 32 columns, whose rows lie one after another. Libraries of linear algebra bring the
weights into such a form at each call, which for a few rows takes as long as the product.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import extending, njit, types
from numba.core import cgutils as untyped_cgutils

from latentdx.audio.engine.memory import address
from latentdx.models.incremental_decoding import PANEL

cgutils: Any = untyped_cgutils
intrinsic: Callable[..., Any] = extending.intrinsic
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "reassoc"}}
"""Options of the compiler: sums may be split among lanes."""

jit: Callable[..., Any] = njit(**OPTIONS)

_WIDE = bool(binding.get_host_cpu_features().get("avx512f"))
_LANES = 16 if _WIDE else 8  # of one vector; processors with shorter ones use several
ROWS = 12 if _WIDE else 4
"""Rows multiplied at a time: as many sums as there are registers."""

_AHEAD = 1024  # numbers: the processor itself looks ahead no further than the page
_CHUNK = 96  # rows that stay in the nearest cache while the panels of a matrix pass
_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, _LANES)
_EACH = ir.Constant(ir.VectorType(_INT32, _LANES), [0] * _LANES)


def _adder(n_rows: int) -> Callable[..., Any]:
    """Make a function that adds `n_rows` rows times a panel; see `add_product`."""

    @intrinsic
    def add(typing: Any, rows: Any, step: Any, depth: Any, panel: Any, to: Any, to_step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, step, depth, panel, to, to_step = arguments
            rows, panel, to = (builder.inttoptr(p, _FLOAT.as_pointer()) for p in (rows, panel, to))
            ways = 4 if n_rows == 1 else 1  # sums that do not wait for one another
            for column in range(0, PANEL, 2 * _LANES):
                columns = column, column + _LANES
                inputs = [builder.gep(rows, [builder.mul(step, _INT64(r))]) for r in range(n_rows)]
                outputs = [
                    _vector_at(builder, to, builder.add(builder.mul(to_step, _INT64(r)), _INT64(c)))
                    for r in range(n_rows)
                    for c in columns
                ]
                sums = [
                    [cgutils.alloca_once_value(builder, ir.Constant(_VECTOR, None)) for _ in outputs]
                    for _ in range(ways)
                ]
                for way in sums:
                    for total in way:
                        builder.store(ir.Constant(_VECTOR, None), total)
                for total, output in zip(sums[0], outputs, strict=True):
                    builder.store(builder.load(output, align=4), total)

                def add_at(k: Any, way: list[Any], inputs: Any = inputs, columns: Any = columns) -> None:
                    start = builder.mul(k, _INT64(PANEL))
                    places = [builder.add(start, _INT64(c)) for c in columns]
                    weights = [builder.load(_vector_at(builder, panel, place), align=4) for place in places]
                    for place in places:
                        _prefetch(builder, builder.gep(panel, [builder.add(place, _INT64(_AHEAD))]))
                    for r, row in enumerate(inputs):
                        one = builder.load(builder.gep(row, [k]))
                        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), one, _INT32(0))
                        one = builder.shuffle_vector(one, one, _EACH)
                        for total, weight in zip(way[2 * r : 2 * r + 2], weights, strict=True):
                            builder.store(
                                builder.call(_fma(builder), [one, weight, builder.load(total)]), total
                            )

                even = builder.and_(depth, _INT64(-ways))
                with cgutils.for_range_slice(builder, _INT64(0), even, _INT64(ways), inc=True) as (k, _):
                    for i, way in enumerate(sums):
                        add_at(builder.add(k, _INT64(i)), way)
                if ways > 1:
                    with cgutils.for_range_slice(builder, even, depth, _INT64(1), inc=True) as (k, _):
                        add_at(k, sums[0])
                for i, output in enumerate(outputs):
                    total = builder.load(sums[0][i])
                    for way in sums[1:]:
                        total = builder.fadd(total, builder.load(way[i]))
                    builder.store(total, output, align=4)
            return context.get_dummy_value()

        return types.none(*[types.int64] * 6), generate

    return add


def _vector_at(builder: Any, pointer: Any, place: Any) -> Any:
    return builder.bitcast(builder.gep(pointer, [place]), _VECTOR.as_pointer())


def _fma(builder: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{_LANES}f32")


def _prefetch(builder: Any, pointer: Any) -> None:
    pointer = builder.bitcast(pointer, cgutils.voidptr_t)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, *[_INT32] * 3])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    builder.call(function, [pointer, _INT32(0), _INT32(3), _INT32(1)])


_add_many, _add_four, _add_one = _adder(ROWS), _adder(4), _adder(1)


@intrinsic
def dot(typing: Any, a: Any, b: Any) -> Any:
    """Return the dot product of two rows of 32 numbers, by addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b = (builder.inttoptr(p, _FLOAT.as_pointer()) for p in arguments)
        total = None
        for place in range(0, PANEL, _LANES):
            x, y = (builder.load(_vector_at(builder, p, _INT64(place)), align=4) for p in (a, b))
            total = builder.fmul(x, y) if total is None else builder.call(_fma(builder), [x, y, total])
        kind = ir.FunctionType(_FLOAT, [_FLOAT, _VECTOR])
        name = f"llvm.vector.reduce.fadd.v{_LANES}f32"
        add = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(add, [ir.Constant(_FLOAT, 0.0), total], fastmath=("reassoc",))

    return types.float32(types.int64, types.int64), generate


@intrinsic
def largest(typing: Any, row: Any, n: Any) -> Any:
    """Return the largest of n numbers at an address, n being a multiple of 32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = builder.inttoptr(arguments[0], _FLOAT.as_pointer())
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 2)
        larger = cgutils.get_or_insert_function(builder.module, kind, f"llvm.maxnum.v{_LANES}f32")
        most = cgutils.alloca_once_value(builder, ir.Constant(_VECTOR, None))
        builder.store(builder.load(_vector_at(builder, row, _INT64(0)), align=4), most)
        end, step = arguments[1], _INT64(_LANES)
        with cgutils.for_range_slice(builder, step, end, step, inc=True) as (i, _):
            vector = builder.load(_vector_at(builder, row, i), align=4)
            builder.store(builder.call(larger, [builder.load(most), vector]), most)
        kind = ir.FunctionType(_FLOAT, [_VECTOR])
        name = f"llvm.vector.reduce.fmax.v{_LANES}f32"
        reduce = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(reduce, [builder.load(most)], fastmath=("nnan",))

    return types.float32(types.int64, types.int64), generate


@jit
def add_product(n_rows, rows, step, depth, panel, to, to_step):  # type: ignore[no-untyped-def]
    """Add rows (n_rows, depth) times a panel (depth, 32) to rows of results.

    Rows, panel and results are addresses, and the steps numbers from row to row.
    """
    while n_rows >= ROWS:
        _add_many(rows, step, depth, panel, to, to_step)
        rows, to, n_rows = rows + 4 * step * ROWS, to + 4 * to_step * ROWS, n_rows - ROWS
    while n_rows >= 4:
        _add_four(rows, step, depth, panel, to, to_step)
        rows, to, n_rows = rows + 16 * step, to + 16 * to_step, n_rows - 4
    while n_rows >= 1:
        _add_one(rows, step, depth, panel, to, to_step)
        rows, to, n_rows = rows + 4 * step, to + 4 * to_step, n_rows - 1


@jit
def padded(n_rows):  # type: ignore[no-untyped-def]
    """Return how many rows to multiply, where there is room for the next multiple of four; it is faster."""
    return n_rows + 3 & ~3 if n_rows > 1 else n_rows


@jit
def add_linear(x, n_rows, panels, out):  # type: ignore[no-untyped-def]
    """Add the first rows of x (…, depth) times the panels (panel, depth, 32) to out (…, 32 panel)."""
    n_rows = padded(n_rows)
    depth, columns = x.shape[1], out.shape[1]
    for first in range(0, n_rows, _CHUNK):
        n = min(_CHUNK, n_rows - first)
        for p in range(len(panels)):
            panel = address(panels) + 4 * p * depth * PANEL
            to = address(out) + 4 * (first * columns + p * PANEL)
            add_product(n, address(x) + 4 * first * depth, depth, depth, panel, to, columns)
