"""Minima of shingle hashes under many permutations: the MinHash signature of a text.

A signature's entry j is the minimum over all shingles x of `multiplier[j] * x + increment[j]` modulo 2^64
(min-wise hashing: Broder, "On the resemblance and containment of documents", 1997; linear permutations:
Bohman, Cooper, Frieze, "Min-wise independent linear permutations", 2000). Such maps are weak on structured
numbers; the shingles here come out of a full 64-bit mixer, so their minima behave as if drawn at random,
and 64 bits leave collisions of distinct shingles out of account.

Cost on one core with AVX-512: 0.03 ns a shingle and minimum, which is what the processor takes to multiply (the inner
loop runs over a block of shingles with 16 permutations in registers).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from stages.byte_range_kernel import mix
from tokenizer.kernel_cache import kernel

#: Shingles brought in at a time: few enough to stay in the first cache.
_BLOCK = 512
#: Permutations brought in together, so that what belongs to them stays in vector registers.
_LANES = 16
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_ODD = np.uint64(0xD6E8FEB86659FD93)


#: A function for kernels that writes its own LLVM instructions; numba's annotation counts the typing context as given.
_intrinsic: Any = intrinsic


@_intrinsic
def lower_some_minima(  # type: ignore[no-untyped-def]
    typing, shingles, first, end, multipliers, increments, permutation, minima
):
    """Bring minima[permutation : permutation + _LANES] up to date with shingles[first:end]; all contiguous."""
    lane, index = ir.IntType(64), ir.IntType(32)
    vector = ir.VectorType(lane, _LANES)

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        def place_in(number, place):  # type: ignore[no-untyped-def]
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.gep(array.data, [place])

        def vector_of(number):  # type: ignore[no-untyped-def]
            return builder.bitcast(place_in(number, arguments[5]), vector.as_pointer())

        multiplier, increment = (builder.load(vector_of(number), align=1) for number in (3, 4))
        least = cgutils.alloca_once_value(builder, builder.load(vector_of(6), align=1))
        with cgutils.for_range_slice(builder, arguments[1], arguments[2], ir.Constant(lane, 1)) as (place, _):
            shingle = builder.load(place_in(0, place))
            single = builder.insert_element(ir.Constant(vector, ir.Undefined), shingle, ir.Constant(index, 0))
            every = builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(index, _LANES), None))
            value = builder.add(builder.mul(every, multiplier), increment)
            before = builder.load(least)
            builder.store(builder.select(builder.icmp_unsigned("<", value, before), value, before), least)
        builder.store(builder.load(least), vector_of(6), align=1)
        return context.get_dummy_value()

    return types.void(shingles, types.intp, types.intp, multipliers, increments, types.intp, minima), code


@kernel
def lower_minima(shingles, first, end, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """Bring `minima` up to date with shingles[first:end]."""
    count = minima.size
    if count >= _LANES:
        for permutation in range(0, count - _LANES, _LANES):
            lower_some_minima(shingles, first, end, multipliers, increments, permutation, minima)
        # The last ones: some may be gone through twice, which changes no minimum.
        lower_some_minima(shingles, first, end, multipliers, increments, count - _LANES, minima)
        return
    for permutation in range(count):
        for place in range(first, end):
            value = multipliers[permutation] * shingles[place] + increments[permutation]
            minima[permutation] = min(minima[permutation], value)


@kernel
def find_minima(shingles, offsets, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """minima[texts, permutations] of the shingles of every text; the largest number for a text without."""
    minima[:] = _NONE
    for document in range(offsets.size - 1):
        start, end = offsets[document], offsets[document + 1]
        for first in range(start, end, _BLOCK):
            lower_minima(shingles, first, min(first + _BLOCK, end), multipliers, increments, minima[document])


@kernel
def hash_bands(minima, rows, keys):  # type: ignore[no-untyped-def]
    """keys[document, band]: one number for the band's `rows` minima in their order."""
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            keys[document, band] = band
        for row in range(rows):
            for band in range(keys.shape[1]):  # side by side, since each step of one band waits for the one before
                keys[document, band] = mix(keys[document, band] ^ minima[document, band * rows + row]) * _ODD


@kernel
def share_equal(minima, left, right, shares):  # type: ignore[no-untyped-def]
    """shares[pair]: which part of the minima of texts left[pair] and right[pair] is equal."""
    for pair in range(shares.size):
        equal = 0
        for permutation in range(minima.shape[1]):
            if minima[left[pair], permutation] == minima[right[pair], permutation]:
                equal += 1
        shares[pair] = equal / minima.shape[1]
