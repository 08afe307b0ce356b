# SPDX-License-Identifier: GPL-2.0
"""Callbacks that were made before a fork, and are called and freed in both processes."""
import ctypes
import gc
import os
import unittest

import cffi

COUNT = 100


class Forks:
    def make_all(self, sign=1):
        return [self.make(sign * i) for i in range(COUNT)]

    def called(self, callbacks, *numbers):
        return [callback(1000) for callback in callbacks] == [1000 + n for n in numbers]

    def use(self, callbacks):
        """Call them, free half of them, make others in their places, and free all."""
        good = self.called(callbacks, *range(COUNT))
        del callbacks[::2]
        gc.collect()
        others = self.make_all(-1)
        good = good and self.called(others, *range(0, -COUNT, -1))
        good = good and self.called(callbacks, *range(1, COUNT, 2))
        callbacks.clear()
        gc.collect()
        return good

    def child(self, callbacks, wait=lambda: None):
        pid = os.fork()
        if pid == 0:
            good = False
            try:
                wait()
                good = self.use(callbacks)
            finally:
                os._exit(0 if good else 1)
        return pid

    def test_child_frees_first(self):
        callbacks = self.make_all()
        for _ in range(3):
            self.assertEqual(os.waitpid(self.child(callbacks), 0)[1], 0)
            self.assertTrue(self.called(callbacks, *range(COUNT)))
        self.assertTrue(self.use(callbacks))

    def test_parent_frees_first(self):
        callbacks = self.make_all()
        reading, writing = os.pipe()

        def wait():
            os.close(writing)
            os.read(reading, 1)

        pid = self.child(callbacks, wait)
        self.assertTrue(self.use(callbacks))
        others = self.make_all(-1)
        os.close(reading)
        os.close(writing)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertTrue(self.called(others, *range(0, -COUNT, -1)))


class Ctypes(Forks, unittest.TestCase):
    def make(self, i):
        return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + i)


class Cffi(Forks, unittest.TestCase):
    def make(self, i):
        return cffi.FFI().callback("int(int)", lambda n: n + i)
