# SPDX-License-Identifier: GPL-2.0
"""Python functions that GLib calls: PyGObject makes a closure of libffi for each."""
import os
import unittest

from gi.repository import Gio, GLib, GObject


class Number(GObject.Object):
    value = GObject.Property(type=int)


class Numbers(GObject.Object, Gio.ListModel):
    """A list whose methods are called through the table of an interface."""
    def __init__(self, count):
        super().__init__()
        self.items = [Number(value=i) for i in range(count)]

    def do_get_item_type(self):
        return Number.__gtype__

    def do_get_n_items(self):
        return len(self.items)

    def do_get_item(self, position):
        return self.items[position] if position < len(self.items) else None


class Source(Gio.InputStream):
    """A stream whose methods are called through the table of a class."""
    def __init__(self, data):
        super().__init__()
        self.data = data
        self.closed = False

    def do_skip(self, count, cancellable):
        skipped = self.data[:count]
        self.data = self.data[count:]
        return len(skipped)

    def do_close_fn(self, cancellable):
        self.closed = True
        return True


class Closures(unittest.TestCase):
    def test_called_once(self):
        seen = []
        loop = GLib.MainLoop()

        def idle(text):
            seen.append(text)
            loop.quit()
            return False

        GLib.idle_add(idle, "idle")
        loop.run()
        self.assertEqual(seen, ["idle"])

    def test_called_again(self):
        seen = []
        loop = GLib.MainLoop()

        def tick():
            seen.append(len(seen))
            if len(seen) == 5:
                loop.quit()
            return len(seen) < 5

        GLib.timeout_add(1, tick)
        loop.run()
        self.assertEqual(seen, list(range(5)))

    def test_during_a_call(self):
        store = Gio.ListStore(item_type=Number)
        for value in (5, 3, 4, 1, 2):
            store.append(Number(value=value))
        store.sort(lambda a, b, *data: a.value - b.value)
        self.assertEqual([item.value for item in store], [1, 2, 3, 4, 5])

    def test_interface(self):
        numbers = Numbers(7)
        self.assertEqual(Gio.ListModel.get_n_items(numbers), 7)
        self.assertEqual(Gio.ListModel.get_item(numbers, 3).value, 3)
        self.assertIsNone(Gio.ListModel.get_item(numbers, 7))

    def test_class(self):
        stream = Source(b"0123456789")
        self.assertEqual(Gio.InputStream.skip(stream, 4, None), 4)
        self.assertEqual(Gio.InputStream.skip(stream, 40, None), 6)
        self.assertTrue(Gio.InputStream.close(stream, None))
        self.assertTrue(stream.closed)

    def test_async(self):
        loop = GLib.MainLoop()
        seen = []

        def ready(file, result):
            seen.append(file.load_contents_finish(result)[1])
            loop.quit()

        Gio.File.new_for_path("/proc/self/stat").load_contents_async(None, ready)
        loop.run()
        self.assertTrue(seen[0].startswith(str(os.getpid()).encode()))

    def test_fork(self):
        numbers = Numbers(3)
        stream = Source(b"01234")
        pid = os.fork()
        if pid == 0:
            good = (Gio.ListModel.get_n_items(numbers) == 3 and
                    Gio.InputStream.skip(stream, 2, None) == 2)
            stream = numbers = None
            os._exit(0 if good else 1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(Gio.ListModel.get_n_items(numbers), 3)
        self.assertEqual(Gio.InputStream.skip(stream, 9, None), 5)
