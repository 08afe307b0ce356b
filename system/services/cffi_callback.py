# SPDX-License-Identifier: GPL-2.0
"""A Python function that libc calls, by cffi."""
import cffi

ffi = cffi.FFI()
ffi.cdef("void qsort(void *, size_t, size_t, int (*)(const void *, const void *));")


@ffi.callback("int(const void *, const void *)")
def compare(a, b):
    return ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]


numbers = ffi.new("int[]", [42, 7, 23, 15, 4, 8])
ffi.dlopen(None).qsort(numbers, len(numbers), ffi.sizeof("int"), compare)
assert list(numbers) == [4, 7, 8, 15, 23, 42], list(numbers)
print("qsort has called Python through cffi")
