"""Read many bytes at once: eight as one integer, or 64 compared together by the processor's vector instructions.

A loop over bytes costs a branch a byte, and a wrong guess at the end of every word. With the comparisons of
64 bytes as the bits of one integer, the next letter or newline is found by counting zeros (Langdale and
Lemire 2019, "Parsing Gigabytes of JSON per Second"). Near the end of the array, where a whole load would reach
beyond it, bytes are read one by one. Little-endian machines only, as are all that numba runs on.
Cost: about 10 instructions for 64 bytes with AVX2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tokenizer.kernel_cache import inlined_kernel

if TYPE_CHECKING:
    Array = np.ndarray

#: Bytes that one comparison covers.
BLOCK = 64

_EIGHT = ir.IntType(64)
_BLOCK = ir.VectorType(ir.IntType(8), BLOCK)


def _intrinsic(function: Callable[..., Any]) -> Any:
    """A function of kernels that writes its own LLVM instructions."""
    return intrinsic(function)


def _address(context: Any, builder: Any, signature: Any, arguments: Any, kind: ir.Type) -> Any:
    """Where data[place] is, as a pointer to `kind`."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.bitcast(builder.gep(array.data, [arguments[1]]), kind.as_pointer())


def _flags(compare: Callable[[Any, Any], Any]) -> Any:
    """An intrinsic (data, place) -> uint64 whose bit i says what `compare` says of data[place + i]."""

    @_intrinsic
    def flags(typing: Any, data: Any, place: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            block = builder.load(_address(context, builder, signature, arguments, _BLOCK), align=1)
            return builder.bitcast(compare(builder, block), _EIGHT)

        return types.uint64(data, types.intp), code

    return flags


def _all(byte: int) -> ir.Constant:
    return ir.Constant(_BLOCK, [byte] * BLOCK)


def _is_letter(builder: Any, block: Any) -> Any:
    ranks = builder.sub(builder.or_(block, _all(32)), _all(97))
    return builder.icmp_unsigned("<", ranks, _all(26))


def _is_newline(builder: Any, block: Any) -> Any:
    return builder.icmp_unsigned("==", block, _all(10))


_letters = _flags(_is_letter)
_newlines = _flags(_is_newline)


@_intrinsic
def load_eight(typing: Any, data: Any, place: Any) -> Any:
    """data[place : place + 8] as a uint64, the first byte lowest; all must be inside the array."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature, arguments, _EIGHT), align=1)

    return types.uint64(data, types.intp), code


@_intrinsic
def store_eight(typing: Any, data: Any, place: Any, value: Any) -> Any:
    """Write a uint64 to data[place : place + 8], the lowest byte first; all must be inside the array."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, signature, arguments, _EIGHT), align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, types.uint64), code


@_intrinsic
def first_flag(typing: Any, flags: Any) -> Any:
    """The number of the lowest bit that is set in a uint64; 64 if none is."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), code


@inlined_kernel
def letter_flags(data: Array, place: int) -> np.uint64:
    """Bit i says whether data[place + i] is an ASCII letter; 0 beyond the end."""
    if place + BLOCK <= len(data):
        return _letters(data, place)
    flags = np.uint64(0)
    for step in range(len(data) - place):
        if 97 <= (data[place + step] | 32) <= 122:
            flags |= np.uint64(1) << np.uint64(step)
    return flags


@inlined_kernel
def newline_flags(data: Array, place: int) -> np.uint64:
    """Bit i says whether data[place + i] is a newline; 0 beyond the end."""
    if place + BLOCK <= len(data):
        return _newlines(data, place)
    flags = np.uint64(0)
    for step in range(len(data) - place):
        if data[place + step] == 10:
            flags |= np.uint64(1) << np.uint64(step)
    return flags


@inlined_kernel
def load_up_to_eight(data: Array, place: int, size: int) -> np.uint64:
    """data[place : place + size] as the highest bytes of a uint64, for a size of 1 to 8; the lower ones are 0."""
    if place + 8 <= len(data):
        return load_eight(data, place) << np.uint64(64 - 8 * size)
    value = np.uint64(0)
    for step in range(size):
        value |= np.uint64(data[place + step]) << np.uint64(64 - 8 * (size - step))
    return value
