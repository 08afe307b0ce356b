# SPDX-License-Identifier: GPL-2.0
"""Python functions that libc calls: ctypes makes a closure of libffi for each."""
import ctypes
import os

libc = ctypes.CDLL(None)
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
Object = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


def check(compare, each):
    numbers = (ctypes.c_int * 6)(42, 7, 23, 15, 4, 8)
    libc.qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int), compare)
    assert list(numbers) == [4, 7, 8, 15, 23, 42], list(numbers)
    seen.clear()
    libc.dl_iterate_phdr(each, None)
    assert len(seen) > 2, seen


seen = []
callbacks = Compare(lambda a, b: a[0] - b[0]), Object(lambda info, size, data: seen.append(size) or 0)
check(*callbacks)

# Callbacks that were made before a fork work in both processes.
pid = os.fork()
if pid == 0:
    try:
        check(*callbacks)
        check(Compare(lambda a, b: a[0] - b[0]), callbacks[1])
    except BaseException:
        os._exit(1)
    os._exit(0)
check(*callbacks)
assert os.waitpid(pid, 0)[1] == 0, "the child has failed"
print("qsort and dl_iterate_phdr have called Python, in parent and child")
