"""Add many rows of a float32 matrix to a sum, sixteen columns at a time, which stay in a register from row to row.

Every lane adds its rows one after another, so that sums are those of the plain loop to the last bit; that loop would
write the sum to memory and read it again for every row. Cost: one addition of a vector a row and sixteen columns.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Columns that are added side by side; those left over are added in smaller vectors.
_WIDTHS = (16, 4, 1)

_intrinsic: Any = intrinsic  # its own type has the typing context among the arguments
_FLOAT, _EIGHT = ir.FloatType(), ir.IntType(64)


def _add_columns(builder: Any, matrix: Any, places: Any, count: Any, total: Any, column: Any, width: int) -> None:
    """Add to total[column : column + width] these columns of the rows at `places`."""
    kind = ir.VectorType(_FLOAT, width) if width > 1 else _FLOAT
    dimensions = cgutils.unpack_tuple(builder, matrix.shape)[1]
    target = builder.bitcast(builder.gep(total.data, [column]), kind.as_pointer())
    held = cgutils.alloca_once(builder, kind)
    builder.store(builder.load(target, align=4), held)
    with cgutils.for_range(builder, count) as loop:
        row = builder.load(builder.gep(places.data, [loop.index]))
        start = builder.add(builder.mul(row, dimensions), column)
        source = builder.bitcast(builder.gep(matrix.data, [start]), kind.as_pointer())
        builder.store(builder.fadd(builder.load(held), builder.load(source, align=4)), held)
    builder.store(builder.load(held), target, align=4)


@_intrinsic
def add_rows(typing: Any, matrix: Any, places: Any, count: Any, total: Any) -> Any:
    """Add the rows of `matrix` (float32, contiguous) at the first `count` of `places` (int64) to `total`, in place."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, listed, result = (
            context.make_array(signature.args[which])(context, builder, arguments[which]) for which in (0, 1, 3)
        )
        done = cgutils.alloca_once_value(builder, ir.Constant(_EIGHT, 0))
        for width in _WIDTHS:
            left = builder.sub(result.nitems, builder.load(done))
            with cgutils.for_range(builder, builder.udiv(left, ir.Constant(_EIGHT, width))):
                column = builder.load(done)
                _add_columns(builder, rows, listed, arguments[2], result, column, width)
                builder.store(builder.add(column, ir.Constant(_EIGHT, width)), done)
        return context.get_dummy_value()

    return types.void(matrix, places, types.intp, total), code


@_intrinsic
def prefetch_row(typing: Any, matrix: Any, row: Any) -> Any:
    """Ask the processor to have the beginning of a row of `matrix` (contiguous) at hand soon."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        columns = cgutils.unpack_tuple(builder, array.shape)[1]
        address = builder.gep(array.data, [builder.mul(arguments[1], columns)])
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [builder.bitcast(address, byte), *(ir.Constant(number, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(matrix, types.intp), code
