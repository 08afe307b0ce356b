#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes series of patches from small trees, and plants rules that do not fit."""
import contextlib
import io
import os
import subprocess
import tempfile
import unittest
from unittest import mock

import series
import series_diff
import series_rules
from series_rules import Error

C = """\
#include <a.h>
#include <b.h>

/* How many. */
#define MANY	3

struct late;

/**
 * early() - it is there from the first
 */
int early(int a)
{
	int b = a;

	if (a > MANY)
		b++;
	return b; /* ; } */
}

/* A later one. */
static const struct ops late_ops = {
	.name	= "{",
};

struct late {
	int a;
};

SYSCALL_DEFINE2(late_call, int, a,
		int, b)
{
	return 0;
}

static int last, least;
"""


def rules(text):
    return series_rules.parse("p", "Subject\n---\n" + text, "p").rules


def undone(text, tree, clean=None, patches="/nowhere"):
    patch = series_rules.Patch("p", "Subject\n", rules(text))
    return series_rules.undo(patch, tree, clean or {}, patches)


class Rules(unittest.TestCase):
    def refused(self, text, why, tree=None):
        with self.assertRaisesRegex(Error, why):
            undone(text, tree or {"f.c": C})

    def test_names_of_blocks(self):
        lines = C.splitlines()
        found = [(kind, series_rules.names(kind, "\n".join(lines[first:end])))
                 for kind, first, end in series_rules.blocks(C) if kind != "comment"]
        self.assertEqual(found, [
            ("directive", set()), ("directive", set()), ("directive", {"MANY"}),
            ("code", {"late"}), ("code", {"early"}), ("code", {"late_ops"}),
            ("code", {"late"}), ("code", {"late_call", "int"}), ("code", {"last", "least"})])

    def test_symbol_goes_with_its_comment(self):
        left = undone("symbol f.c late_ops MANY", {"f.c": C})["f.c"]
        self.assertNotIn("A later one", left)
        self.assertNotIn("How many", left)
        self.assertIn("}\n\nstruct late {\n", left)
        self.assertNotIn("\n\n\n", left)

    def test_symbol_goes_with_its_declarations(self):
        self.assertNotIn("struct late ", undone("symbol f.c late", {"f.c": C})["f.c"])

    def test_symbol_at_the_end(self):
        self.assertTrue(undone("symbol f.c last", {"f.c": C})["f.c"].endswith("0;\n}\n"))

    def test_change(self):
        left = undone("change f.c\n 	int b = a;\n\n+	if (a > MANY)\n+		b++;\n-	b += 2;\n",
                      {"f.c": C})["f.c"]
        self.assertIn("	int b = a;\n\n	b += 2;\n	return b;", left)

    def test_change_with_any_lines(self):
        left = undone("change f.c\n+	int b = a;\n+[...]\n+	return b; /* ; } */\n-	return 1;\n",
                      {"f.c": C})["f.c"]
        self.assertIn("{\n	return 1;\n}\n", left)
        left = undone("change f.c\n+int early(int a)\n-int early(void)\n [...]\n+	return b; /* ; } */\n",
                      {"f.c": C})["f.c"]
        self.assertIn("int early(void)\n{\n	int b = a;\n\n	if (a > MANY)\n		b++;\n}\n", left)

    def test_file(self):
        tree = undone("file d/*", {"d/new": "a\n", "d/old": "b\n", "f": "c\n"}, {"d/old": "a\n"})
        self.assertEqual(tree, {"d/old": "a\n", "f": "c\n"})

    def test_patch(self):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "x.patch"), "w") as f:
                f.write("x\n---\n--- a/d/f\n+++ b/d/f\n@@ -1 +1,2 @@\n 1\n+2\n")
            self.assertEqual(undone("patch x.patch", {"d/f": "1\n2\n"}, patches=d), {"d/f": "1\n"})
            self.refused("patch y.patch", "there is no")
            with self.assertRaisesRegex(Error, "can't be taken back"):
                undone("patch x.patch", {"d/f": "1\n3\n"}, patches=d)

    def test_what_does_not_fit(self):
        self.refused("symbol f.c gone", "p:3: symbol f.c gone: there is no gone")
        self.refused("symbol g.c early", "no such file")
        self.refused("file g*", "nothing of g")
        self.refused("change f.c\n+	int c;\n", "p:3: .* is there 0 times")
        self.refused("change f.c\n+}\n", "times, and not once")
        self.refused("change f.c\n-[...]\n+	int b = a;\n", "in what was before")
        self.refused("change f.c\n", "no hunk")
        self.refused("+	int b = a;\n", 'without "change"')
        self.refused("chance f.c\n", "no rule")


class Diff(unittest.TestCase):
    def same(self, before, after, f="f.c"):
        found = series_diff.rules(f, before, after)
        text = "\n".join(map(series_diff.text_of, found))
        self.assertEqual(undone(text, {f: after}), {f: before})
        return text

    def test_symbols(self):
        before = undone("symbol f.c early late_ops", {"f.c": C})["f.c"]
        self.assertEqual(self.same(before, C), "symbol f.c early late_ops")

    def test_lines(self):
        self.same(C.replace("	int b = a;\n", ""), C)
        self.same(C.replace("a > MANY", "a"), C)
        self.same(C.replace("}\n", "}\n\n/* x */\n", 1), C)
        self.same("a\n\nb\n", "a\n\nb\na\n\nb\n", "f")

    def test_long_run_is_short(self):
        lines = "".join(f"line {n}\n" for n in range(100))
        self.assertEqual(self.same("a\nb\n", "a\n" + lines + "b\n", "f"),
                         "change f\n+line 0\n+[...]\n+line 99\n")


class Series(unittest.TestCase):
    """Two series, of two patches and of one."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        os.chdir(directory.name)
        self.addCleanup(os.chdir, "/")
        self.write("clean/old", "a\nb\n")
        self.write("applied/old", "a\nnew\nb\nlater\n")
        self.write("applied/d/f.c", C)
        self.write("files", "/old\n/d/f.c\n")
        self.write("series/series", "main\nmore  # comes behind\n")
        self.write("series/main/series", "one\ntwo\n")
        self.write("series/main/cover", "A cover\n\nWhy.\n")
        self.write("series/main/one", "a: one\n\nBecause.\n---\nfile d/f.c\n")
        self.write("series/main/two", "a: two\n---\nchange old\n+new\n\nsymbol d/f.c late_ops\n")
        self.write("series/more/series", "three\n")
        self.write("series/more/three", "as x.patch\n---\npatch x.patch\n")
        self.write("patches/x.patch", "a: three\n\nAs well.\n---\n--- a/old\n+++ b/old\n"
                   "@@ -1,3 +1,4 @@\n a\n new\n b\n+later\n")

    @staticmethod
    def write(path, text):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    @staticmethod
    def make():
        with contextlib.redirect_stdout(io.StringIO()) as out:
            series.make("series", "clean", "applied", "files", "patches", "repo", "out")
        return out.getvalue()

    def test_it_adds_up(self):
        said = self.make()
        self.assertIn("main/two\t6 0\ta: two\n", said)
        self.assertEqual(sorted(os.listdir("out")), ["0000-cover-letter.patch", "0001-a-one.patch",
                                                     "0002-a-two.patch", "more", "order", "steps"])
        letter = series.read("out/0000-cover-letter.patch")
        self.assertIn("[PATCH 0/2] A cover\n", letter)
        self.assertIn("\nWhy.\n", letter)
        last = series.read("out/more/0001-a-three.patch")
        self.assertRegex(last, r"Subject: \[PATCH\] a: three\n\nAs well\.\n\nSigned-off-by: .* <.*>\n---\n")
        series.apply("am", "clean", "files", "out")
        for f in ("old", "d/f.c"):
            self.assertEqual(series.read(f"am/{f}"), series.read(f"applied/{f}"))
        self.assertEqual(series.read("am/old"), "a\nnew\nb\nlater\n")

    def test_subjects_and_base(self):
        with mock.patch.dict(os.environ, TRAMPFD_SERIES_PREFIX="RFC", TRAMPFD_SERIES_VERSION="2",
                             TRAMPFD_SERIES_BASE="0123456789ab"):
            self.make()
        letter = series.read("out/0000-cover-letter.patch")
        self.assertIn("[RFC PATCH v2 0/2] A cover\n", letter)
        self.assertIn("\nbase-commit: 0123456789ab\n", letter)
        self.assertNotIn("base-commit", series.read("out/0001-a-one.patch"))
        last = series.read("out/more/0001-a-three.patch")
        self.assertIn("[RFC PATCH v2] a: three\n", last)
        self.assertIn("\nbase-commit: 0123456789ab\n", last)
        series.apply("am", "clean", "files", "out")

    def test_documentation_of_what_the_kernel_has_not(self):
        self.write("series/more/four", "a: four\n---\nfile Documentation/x.rst\n")
        self.write("series/more/series", "three\nfour\n")
        self.write("files", "/old\n/d/f.c\n/Documentation/x.rst\n")
        for good in ("sysctl/vm.rst", "tools/lib/trampfd/man/", "vm.trampfd_enabled", "make headers"):
            self.write("applied/Documentation/x.rst", f"See {good}.\n")
            self.make()
        for bad in ("patches/x.patch", "``vm/config``", "man/x.7", "clients/", "make check",
                    "make run ARCH=", "NOT_PORTED"):
            self.write("applied/Documentation/x.rst", f"Good.\nSee {bad}.\n")
            self.refused("more/four: Documentation/x.rst:2: the kernel has no")

    def test_each_step(self):
        self.make()
        show = subprocess.run(["git", "-C", "repo", "show", "main/one:d/f.c"], capture_output=True,
                              text=True, check=True).stdout
        self.assertEqual(show, undone("symbol f.c late_ops", {"f.c": C})["f.c"])

    def refused(self, why):
        with self.assertRaisesRegex(Error, why):
            self.make()

    def test_what_no_patch_has(self):
        self.write("applied/stray", "x\n")
        self.write("files", "/old\n/d/f.c\n/stray\n")
        self.refused("no patch has this.*stray")

    def test_what_no_patch_has_in_a_file(self):
        self.write("applied/old", "a\nnew\nb\nstray\nlater\n")
        self.refused("x.patch: it can't be taken back|no patch has this")

    def test_a_rule_that_has_rotted(self):
        self.write("applied/d/f.c", C.replace("late_ops", "other_ops"))
        self.refused("series/main/two:6: symbol d/f.c late_ops: there is no late_ops")

    def test_files_that_are_in_no_list(self):
        self.write("series/main/stray", "a: stray\n---\n")
        self.refused("not in its list: stray")

    def test_a_missing_patch(self):
        os.unlink("series/main/one")
        self.refused("series/main/one is missing")

    def test_an_empty_patch(self):
        self.write("series/more/three", "a: three\n---\n# nothing\n")
        self.refused("it changes nothing")

    def test_a_sum_that_differs(self):
        self.make()
        self.write("out/0002-a-two.patch", "nonsense\n")
        with self.assertRaisesRegex(Error, "git am"):
            series.apply("am", "clean", "files", "out")


if __name__ == "__main__":
    unittest.main()
