# SPDX-License-Identifier: GPL-2.0
"""Python functions as comparison functions of libc's qsort()."""
import ctypes
import random
import re

libc = ctypes.CDLL("libc.so.6")
compare_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int),
                                ctypes.POINTER(ctypes.c_int))
libc.qsort.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, compare_type]
libc.qsort.restype = None

calls = 0


def up(a, b):
    global calls
    calls += 1
    return a[0] - b[0]


def down(a, b):
    return up(b, a)


random.seed(1)
numbers = random.sample(range(100000), 1000)
for compare, backwards in ((up, False), (down, True)):
    array = (ctypes.c_int * len(numbers))(*numbers)
    libc.qsort(array, len(array), ctypes.sizeof(ctypes.c_int), compare_type(compare))
    if list(array) != sorted(numbers, reverse=backwards):
        raise SystemExit("qsort did not sort")

with open("/proc/self/maps") as maps:
    text = maps.read()
if "[trampfd]" in text:
    how = "trampfd"
elif re.search(r"^\S+ .wx", text, re.M):
    how = "memory that is writable and executable"
else:
    how = "neither trampfd nor memory that is writable and executable"
print(f"{len(numbers)} numbers sorted up and down, {calls} calls of Python functions;", how)
