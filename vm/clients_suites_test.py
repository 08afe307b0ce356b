#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plants failures in what a guest says of test suites, and checks that
clients_suites.py sees them."""
import contextlib
import io
import os
import tempfile
import unittest

import clients_suites

PYTEST = """\
t.py::One::test_a PASSED    [ 25%]
t.py::One::test_b[x y] PASSED    [ 50%]
t.py::One::test_c FAILED    [ 75%]
t.py::One::test_d SKIPPED (not here)    [100%]
t.py::One::test_d says PASSED, but is no verdict
"""
RUBY = """\
TestOne: 
  TestOne::Part: 
    test_a:\t\t\t.: (0.01)
    test_b:\t\t\tF
===============
Failure: test_b(TestOne::Part)
===============
: (0.2)
    test_c:O
"""
GUILE = "PASS: one\nFAIL: two\n"


def section(run, suite, text, status=0):
    lines = "".join(f"suites: {line}\n" for line in text.splitlines())
    return f"suites- begin {run} {suite}\n{lines}suites- end {run} {suite} {status}\n"


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = os.path.join(directory.name, "log")
        self.csv = os.path.join(directory.name, "csv")

    def results(self, text, *suites):
        with open(self.log, "w") as f:
            f.write(text)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            clients_suites.results("arch", self.log, self.csv, *suites)
        return [line.split("\t")[0] for line in out.getvalue().splitlines()]

    def rows(self):
        with open(self.csv) as f:
            return f.read().splitlines()[1:]


class Kinds(Case):
    def test_pytest(self):
        self.assertEqual(list(clients_suites.pytest(PYTEST.splitlines())), [
            ("t.py::One::test_a", True, False), ("t.py::One::test_b[x y]", True, False),
            ("t.py::One::test_c", False, False), ("t.py::One::test_d", False, True)])

    def test_ruby(self):
        self.assertEqual(list(clients_suites.ruby(RUBY.splitlines())), [
            ("TestOne::Part test_a", True, False), ("TestOne::Part test_b", False, False),
            ("TestOne::Part test_c", False, True)])

    def test_guile(self):
        self.assertEqual(list(clients_suites.guile(GUILE.splitlines())),
                         [("one", True, False), ("two", False, False)])


def four(ours, status=0, base=GUILE):
    """All four runs, of which the first and the last are what is looked at."""
    return (section("a", "t", base, 1) + section("b", "t", "", 139) + section("c", "t", "", 124) +
            section("d", "t", ours, status))


class Results(Case):
    def test_all_pass(self):
        self.assertEqual(self.results(four(GUILE, 1), "t:guile"), ["pass", "pass"])
        self.assertEqual(self.rows()[0], "arch,t,a,1,1,0,1")
        self.assertEqual(self.rows()[3], "arch,t,d,1,1,0,1")

    def test_lost(self):
        self.assertEqual(self.results(four("FAIL: one\n", 1), "t:guile"), ["pass", "fail"])

    def test_lost_of_two_with_a_name(self):
        base, ours = "PASS: one\nPASS: one\n", "FAIL: one\nPASS: one\n"
        self.assertEqual(self.results(four(ours, 1, base), "t:guile"), ["pass", "fail", "pass"])

    def test_killed(self):
        self.assertEqual(self.results(four("", 139), "t:guile"), ["fail", "fail"])
        self.assertEqual(self.rows()[3], "arch,t,d,0,0,0,139")

    def test_killed_at_the_end(self):
        self.assertEqual(self.results(four(GUILE, 139), "t:guile"), ["fail", "pass"])

    def test_killed_unprotected(self):
        text = four(GUILE, 1).replace("end a t 1", "end a t 124")
        self.assertIn("fail", self.results(text, "t:guile"))

    def test_skipped(self):
        base, ours = (f"a::b {verdict} [ 50%]\n" for verdict in ("PASSED", "SKIPPED (why)"))
        self.assertEqual(self.results(four(ours, 0, base), "t:pytest"), ["pass", "fail"])

    def test_nothing_passes(self):
        self.assertEqual(self.results(four(GUILE, 1, "FAIL: one\n"), "t:guile"), ["fail", "pass"])

    def test_not_run(self):
        text = four(GUILE, 1)
        self.assertEqual(self.results(text[:text.index("suites- begin d")], "t:guile"), ["fail"])

    def test_not_ended(self):
        text = four(GUILE, 1).replace("suites- end d t 1\n", "")
        self.assertEqual(self.results(text, "t:guile"), ["fail"])


class Table(Case):
    def test_signal(self):
        self.assertEqual(clients_suites.cell((3, 1, 139)), "3 / 1, signal 11")
        self.assertEqual(clients_suites.cell((3, 1, 124)), "3 / 1, hung")
        self.assertEqual(clients_suites.cell((1003, 0, 0)), "1,003 / 0")


if __name__ == "__main__":
    unittest.main()
