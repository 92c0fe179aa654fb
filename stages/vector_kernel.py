"""Read many bytes at once: eight as one integer, or 64 compared together by the processor's vector instructions.

A loop over bytes costs a branch a byte, and a wrong guess at the end of every word. With the comparisons of
64 bytes as the bits of one integer, the next letter or newline is found by counting zeros (Langdale and
Lemire 2019, "Parsing Gigabytes of JSON per Second"). All loads are safe: bytes beyond the end of the array read as
0. Little-endian machines only, as are all that numba runs on.
Cost: about 10 instructions for 64 bytes with AVX2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tokenizer.kernel_cache import inlined_kernel

#: Bytes that one comparison covers.
BLOCK = 64

_BYTE, _EIGHT = ir.IntType(8), ir.IntType(64)
_BLOCK = ir.VectorType(_BYTE, BLOCK)
_LANES = ir.VectorType(_EIGHT, 8)


def _odd_numbers(count: int) -> list[int]:
    """The first numbers of SplitMix64 from 0, made odd."""
    numbers, state = [], 0
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        number = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
        numbers.append(number ^ number >> 31 | 1)
    return numbers


_ODD = _odd_numbers(16)


def _intrinsic(function: Callable[..., Any]) -> Any:
    """A function for kernels that writes its own LLVM instructions."""
    return intrinsic(function)


def _load(context: Any, builder: Any, signature: Any, arguments: Any, kind: ir.Type, size: int) -> Any:
    """The `size` bytes of a uint8 array from a place on, as a value of `kind`; 0 beyond the end."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    address = builder.gep(array.data, [arguments[1]])
    left = builder.sub(array.nitems, arguments[1])
    copy = cgutils.alloca_once(builder, kind)
    loaded = cgutils.alloca_once(builder, kind)
    inside = builder.icmp_signed(">=", left, ir.Constant(_EIGHT, size))
    with builder.if_else(inside, likely=True) as (whole, part):
        with whole:
            builder.store(builder.load(builder.bitcast(address, kind.as_pointer()), align=1), loaded)
        with part:
            builder.store(ir.Constant(kind, None), copy)
            some = builder.icmp_signed(">", left, ir.Constant(_EIGHT, 0))
            count = builder.select(some, left, ir.Constant(_EIGHT, 0))
            cgutils.raw_memcpy(builder, builder.bitcast(copy, _BYTE.as_pointer()), address, count, 1)
            builder.store(builder.load(copy), loaded)
    return builder.load(loaded)


def _flags(compare: Callable[..., Any], reach: int = 1) -> Any:
    """A function (data, place) -> uint64 whose bit i says what `compare` says of the `reach` bytes from place + i on.

    `compare` takes a builder and, for each of them, the vector of all the bytes in that position.
    """

    @_intrinsic
    def flags(typing: Any, data: Any, place: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            blocks = []
            for step in range(reach):
                at = builder.add(arguments[1], ir.Constant(_EIGHT, step))
                blocks.append(_load(context, builder, signature, [arguments[0], at], _BLOCK, BLOCK))
            return builder.bitcast(compare(builder, *blocks), _EIGHT)

        return types.uint64(data, types.intp), code

    return flags


def flags_of_starts(starts: Sequence[bytes]) -> Any:
    """A function (data, place) -> uint64: at which bytes one of `starts` (lower-case, of one length) may begin.

    Case is left out of account by a bit, so that a few other characters pass too.
    """

    def compare(builder: Any, *blocks: Any) -> Any:
        lowered = [builder.or_(block, _all(32)) for block in blocks]
        found = ir.Constant(ir.VectorType(ir.IntType(1), BLOCK), None)
        for start in starts:
            letters = zip(lowered, start, strict=True)
            same = [_equal(builder, block, letter | 32) for block, letter in letters]
            found = builder.or_(found, reduce(builder.and_, same))
        return found

    return _flags(compare, len(starts[0]))


def _all(byte: int) -> ir.Constant:
    return ir.Constant(_BLOCK, [byte] * BLOCK)


def _equal(builder: Any, block: Any, byte: int) -> Any:
    return builder.icmp_unsigned("==", block, _all(byte))


def _between(builder: Any, block: Any, first: int, last: int) -> Any:
    return builder.icmp_unsigned("<=", builder.sub(block, _all(first)), _all(last - first))


def _is_letter(builder: Any, block: Any) -> Any:
    return _between(builder, builder.or_(block, _all(32)), 97, 122)


def _is_digit(builder: Any, block: Any) -> Any:
    return _between(builder, block, 48, 57)


def _is_mark(builder: Any, block: Any) -> Any:
    return builder.not_(builder.or_(_is_letter(builder, block), _is_digit(builder, block)))


def _is_wide(builder: Any, block: Any) -> Any:
    return _between(builder, block, 0x80, 0xFF)


def _is_newline(builder: Any, block: Any) -> Any:
    return _equal(builder, block, 10)


def _continues(builder: Any, block: Any) -> Any:
    return _between(builder, block, 0x80, 0xBF)


def _may_break_line(builder: Any, block: Any) -> Any:
    controls = builder.or_(_between(builder, block, 10, 13), _between(builder, block, 28, 30))
    return builder.or_(controls, builder.or_(_equal(builder, block, 0xC2), _equal(builder, block, 0xE2)))


def _is_notable(builder: Any, block: Any) -> Any:
    marks = builder.or_(_equal(builder, block, ord("#")), _equal(builder, block, ord(".")))
    return builder.or_(_may_break_line(builder, block), marks)


def _is_space(builder: Any, block: Any) -> Any:
    return builder.or_(_between(builder, block, 9, 13), _between(builder, block, 28, 32))


def _ends_fasttext_token(builder: Any, block: Any) -> Any:
    blank = builder.or_(_equal(builder, block, 32), _equal(builder, block, 0))
    return builder.or_(_between(builder, block, 9, 13), blank)


def _is_bracket(builder: Any, block: Any) -> Any:
    return _equal(builder, builder.or_(block, _all(32)), ord("{"))


def _is_blank(builder: Any, block: Any) -> Any:
    return _equal(builder, block, 32)


def _is_punctuation(builder: Any, block: Any) -> Any:
    runs = [b"!#", b"%*", b",/", b":;", b"?@", b"[]", b"__", b"{{", b"}}"]
    return reduce(builder.or_, [_between(builder, block, run[0], run[1]) for run in runs])


def _is_blank_or_wide(builder: Any, block: Any) -> Any:
    return builder.or_(_equal(builder, block, 32), _between(builder, block, 0xE0, 0xFF))


def _may_be_wide_space(builder: Any, block: Any) -> Any:
    return builder.or_(_equal(builder, block, 0xC2), _between(builder, block, 0xE1, 0xE3))


def _may_end_sentence(builder: Any, block: Any) -> Any:
    marks = [_equal(builder, block, ord(mark)) for mark in ".!?\xea"]
    wide = builder.or_(_between(builder, block, 0xD6, 0xE3), _between(builder, block, 0xEF, 0xF4))
    return reduce(builder.or_, marks, wide)


def _ends_plain_json(builder: Any, block: Any) -> Any:
    marks = builder.or_(_equal(builder, block, ord('"')), _equal(builder, block, ord("\\")))
    return builder.or_(marks, _between(builder, block, 0, 31))


#: Whether each byte is an ASCII letter; an ASCII digit; neither; no ASCII; a newline; one within a UTF-8 character,
#: not its first.
letter_flags = _flags(_is_letter)
digit_flags = _flags(_is_digit)
mark_flags = _flags(_is_mark)
wide_flags = _flags(_is_wide)
newline_flags = _flags(_is_newline)
continuation_flags = _flags(_continues)
#: Whether it is or begins a character that ends a line for str.splitlines, or shares its first byte with one;
#: the same, or "#" or ".".
line_break_flags = _flags(_may_break_line)
notable_flags = _flags(_is_notable)
#: Whether it is ASCII white space; whether it begins a character that may be other white space; "[" or "{";
#: ".", "!", "?" or the first byte of what may be another mark that ends a sentence (stages/punctuation_table.py).
space_flags = _flags(_is_space)
wide_space_flags = _flags(_may_be_wide_space)
bracket_flags = _flags(_is_bracket)
#: Whether fastText ends a token there: a blank, one of the controls 9 to 13, 0.
token_end_flags = _flags(_ends_fasttext_token)
#: Whether it is a blank; ASCII of a category P* (so not "$", "+", "<", ...).
blank_flags = _flags(_is_blank)
punctuation_flags = _flags(_is_punctuation)
#: Whether it is a blank or begins a character of three or four bytes.
blank_or_wide_flags = _flags(_is_blank_or_wide)
sentence_mark_flags = _flags(_may_end_sentence)
#: Whether a JSON string ends, has an escape or is broken at the byte.
json_mark_flags = _flags(_ends_plain_json)


@_intrinsic
def byte_flags(typing: Any, data: Any, place: Any, byte: Any) -> Any:
    """Which of the bytes from `place` on are `byte`, as the bits of a uint64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _BLOCK, BLOCK)
        lane = builder.insert_element(ir.Constant(_BLOCK, ir.Undefined), arguments[2], ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK)
        wanted = builder.shuffle_vector(lane, ir.Constant(_BLOCK, ir.Undefined), lanes)
        return builder.bitcast(builder.icmp_unsigned("==", block, wanted), _EIGHT)

    return types.uint64(data, types.intp, types.uint8), code


@_intrinsic
def load_eight(typing: Any, data: Any, place: Any) -> Any:
    """data[place : place + 8] as a uint64, the first byte lowest."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature, arguments, _EIGHT, 8)

    return types.uint64(data, types.intp), code


@_intrinsic
def block_digest(typing: Any, data: Any, place: Any, size: Any) -> Any:
    """64 bits of data[place : place + size], for a size of 0 to BLOCK; they do not depend on zeros at the end.

    Each eight bytes are multiplied twice, by numbers of their own (those of SplitMix64), and all of them added up.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _BLOCK, BLOCK)
        last = builder.trunc(arguments[2], _BYTE)
        sizes = builder.insert_element(ir.Constant(_BLOCK, None), last, ir.Constant(_EIGHT, 0))
        sizes = builder.shuffle_vector(sizes, sizes, ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), None))
        inside = builder.icmp_unsigned("<", ir.Constant(_BLOCK, list(range(BLOCK))), sizes)
        block = builder.select(inside, block, ir.Constant(_BLOCK, None))
        lanes = builder.bitcast(block, _LANES)
        high = ir.Constant(_LANES, [32] * 8)
        lanes = builder.mul(lanes, ir.Constant(_LANES, _ODD[:8]))
        lanes = builder.mul(builder.xor(lanes, builder.lshr(lanes, high)), ir.Constant(_LANES, _ODD[8:]))
        lanes = builder.xor(lanes, builder.lshr(lanes, high))
        for half in (4, 2, 1):
            steps = [ir.Constant(ir.VectorType(ir.IntType(32), half), [*range(at, at + half)]) for at in (0, half)]
            lanes = builder.add(*(builder.shuffle_vector(lanes, lanes, step) for step in steps))
        return builder.extract_element(lanes, ir.Constant(_EIGHT, 0))

    return types.uint64(data, types.intp, types.intp), code


@_intrinsic
def store_eight(typing: Any, data: Any, place: Any, value: Any) -> Any:
    """Write a uint64 to data[place : place + 8], the lowest byte first; all must be inside the array."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), _EIGHT.as_pointer())
        builder.store(arguments[2], address, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, types.uint64), code


@_intrinsic
def copy_lower_case(typing: Any, data: Any, place: Any, out: Any, at: Any) -> Any:
    """Write data[place : place + BLOCK] to out[at : at + BLOCK], which must be inside.

    ASCII letters are written in lower case, ASCII white space as blanks.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments[:2], _BLOCK, BLOCK)
        capital = _between(builder, block, ord("A"), ord("Z"))
        lowered = builder.select(capital, builder.or_(block, _all(32)), block)
        lowered = builder.select(_is_space(builder, block), _all(32), lowered)
        array = context.make_array(signature.args[2])(context, builder, arguments[2])
        address = builder.bitcast(builder.gep(array.data, [arguments[3]]), _BLOCK.as_pointer())
        builder.store(lowered, address, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, out, types.intp), code


@_intrinsic
def copy_block(typing: Any, data: Any, place: Any, out: Any, at: Any) -> Any:
    """Write data[place : place + BLOCK] to out[at : at + BLOCK], which must be inside."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments[:2], _BLOCK, BLOCK)
        array = context.make_array(signature.args[2])(context, builder, arguments[2])
        address = builder.bitcast(builder.gep(array.data, [arguments[3]]), _BLOCK.as_pointer())
        builder.store(block, address, align=1)
        return context.get_dummy_value()

    return types.void(data, types.intp, out, types.intp), code


@_intrinsic
def first_flag(typing: Any, flags: Any) -> Any:
    """The number of the lowest bit that is set in a uint64; 64 if none is."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.intp(types.uint64), code


@_intrinsic
def flag_count(typing: Any, flags: Any) -> Any:
    """How many bits of a uint64 are set."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.intp(types.uint64), code


@inlined_kernel
def flags_before(flags: np.uint64, size: int) -> np.uint64:
    """The flags of the first `size` bytes of a block."""
    return flags if size >= BLOCK else flags & ((np.uint64(1) << np.uint64(size)) - np.uint64(1))
