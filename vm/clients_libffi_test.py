#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plants failures in what a guest says of libffi's test suite, and checks that
clients_libffi.py sees them."""
import contextlib
import io
import os
import tempfile
import unittest

import clients_libffi

LOG = """\
ffi- begin a
ffi: one\\nt\\x00wo
ffi= exit 0 0123
ffi- end a
ffi- begin c
ffi: o
ffi: ne\\\\
ffi= signal 11 0123
ffi- end c
"""
PASSED = [f"PASS: libffi.call/t{n}.c -O2 execution test" for n in range(1000)]
LOC = "libffi.closures/loc.c -O2 execution test"
STOCK = PASSED + [f"PASS: {LOC}", "FAIL: libffi.call/bad.c -O0 execution test"]


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text)
        return f"{self.dir}/{name}"

    def read(self, name):
        with open(f"{self.dir}/{name}", encoding="latin-1") as f:
            return f.read()


class Split(Case):
    def split(self, text):
        clients_libffi.split(self.write("log", text), f"{self.dir}/runs")

    def test_good(self):
        self.split(LOG)
        self.assertEqual(self.read("runs/a/0123.out"), "one\nt\0wo")
        self.assertEqual(self.read("runs/a/0123.status"), "exit 0")
        self.assertEqual(self.read("runs/c/0123.out"), "one\\")
        self.assertEqual(self.read("runs/c/0123.status"), "signal 11")

    def test_cut_off(self):
        for end in ("ffi- end c", "ffi- begin a"):
            with self.assertRaises(SystemExit):
                self.split(LOG[:LOG.index(end)])

    def test_out_of_order(self):
        with self.assertRaises(SystemExit):
            self.split(LOG.replace("ffi- end a\n", ""))


class Results(Case):
    def results(self, **runs):
        for name, lines in runs.items():
            self.write(f"{name}.sum", "\n".join(lines) + "\n")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            clients_libffi.results(self.arch, self.wanted, self.dir,
                                   self.write("expected", "# why\n^arch .*closures/loc\\.c\tit reads code\n"),
                                   f"{self.dir}/table.csv", "log")
        found = {"pass": [], "fail": [], "skip": []}
        for line in out.getvalue().splitlines():
            status, name, detail, _ = line.split("\t")
            found[status].append(f"{name}: {detail}")
        return found

    arch = "arch"
    wanted = "acd"

    def test_good(self):
        found = self.results(a=STOCK, c=STOCK, d=STOCK)
        self.assertEqual(found["fail"] + found["skip"], [])
        # and one line for run d; a test that fails with the stock library is none
        self.assertEqual(len(found["pass"]), len(STOCK))
        self.assertEqual(self.read("table.csv").splitlines()[2], "arch,c,1001,1,0,0")

    def test_lost(self):
        for verdict in ("FAIL: ", "UNRESOLVED: ", "UNTESTED: ", ""):
            lost = [line.replace("PASS: ", verdict) if "t17.c" in line else line for line in STOCK]
            self.assertEqual(len(self.results(a=STOCK, c=lost, d=STOCK)["fail"]), 1)
        self.assertEqual(self.read("table.csv").splitlines()[2], "arch,c,1000,1,0,1")
        self.assertEqual(self.read("table.lost"), "libffi.call/t17.c -O2\n")

    def test_expected(self):
        lost = [line.replace("PASS", "FAIL") if "loc.c" in line else line for line in STOCK]
        found = self.results(a=STOCK, c=lost, d=STOCK)
        self.assertEqual(found["fail"], [])
        self.assertEqual(len(found["skip"]), 1)
        self.assertIn("it reads code", found["skip"][0])

    def test_expected_elsewhere(self):
        self.arch = "other"
        lost = [line.replace("PASS", "FAIL") if "loc.c" in line else line for line in STOCK]
        found = self.results(a=STOCK, c=lost, d=STOCK)
        self.assertEqual(len(found["fail"]), 1)
        self.assertEqual(found["skip"], [])

    def test_twice_the_same_name(self):
        twice = STOCK + [f"PASS: {LOC}"]
        found = self.results(a=twice, c=STOCK + [f"FAIL: {LOC}"], d=twice)
        self.assertEqual(len(found["skip"]), 1)

    def test_off_differs(self):
        worse = [line.replace("PASS", "FAIL") if "t1.c" in line else line for line in STOCK]
        self.assertEqual(len(self.results(a=STOCK, c=STOCK, d=worse)["fail"]), 1)

    def test_missing_run(self):
        found = self.results(a=STOCK, d=STOCK)
        self.assertEqual(len(found["fail"]), 1)
        self.assertIn("missing: c", found["fail"][0])

    def test_nothing_ran(self):
        self.assertNotEqual(self.results(a=STOCK[-1:], c=STOCK[-1:], d=STOCK[-1:])["fail"], [])

    def test_fewer_runs(self):
        self.wanted = "ac"
        self.assertEqual(self.results(a=STOCK, c=STOCK)["fail"], [])


if __name__ == "__main__":
    unittest.main()
