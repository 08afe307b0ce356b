#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plants failures in what guests print, and checks that report.py sees them."""
import contextlib
import io
import re
import tempfile
import unittest

import report

BOOT = "[    0.000000] Linux version 6.12.117\n"
DONE = "trampfd-guest: kernel log\n" + BOOT + "{log}trampfd-guest: done\n"
GOOD = """TAP version 13
1..2
# timeout set to 45
# selftests: trampfd: one_64
# TAP version 13
# 1..2
# #  RUN           global.a ...
# ok 1 global.a
# ok 2 global.b # SKIP no such CPU
# # Totals: pass:1 fail:0 xfail:0 xpass:0 skip:1 error:0
ok 1 selftests: trampfd: one_64
# timeout set to 45
# selftests: trampfd: plain
# [OK]\tFine
ok 2 selftests: trampfd: plain
"""


def run(job=GOOD, log="", end="0", tail=DONE, head=BOOT):
    text = head + "trampfd-guest: begin kselftest\n" + job
    if end is not None:
        text += f"trampfd-guest: end {end}\n" + tail.format(log=log)
    return text.split("\n")


def statuses(lines, *args):
    found = {"pass": [], "fail": [], "skip": []}
    for status, name, detail in report.guest(lines, *args):
        found[status].append(f"{name}: {detail}")
    return found


class Case(unittest.TestCase):
    def fails(self, pattern, lines, *args):
        failed = statuses(lines, *args)["fail"]
        self.assertEqual(len(failed), 1, failed)
        self.assertRegex(failed[0], pattern)


class Counting(Case):
    def test_good(self):
        found = statuses(run(), ["trampfd"])
        self.assertEqual(found["fail"], [])
        self.assertEqual(found["skip"], ["trampfd:one_64: global.b: no such CPU"])
        # one case, one program without cases, the guest's end, its log
        self.assertEqual(len(found["pass"]), 4)

    def test_case_fails(self):
        job = GOOD.replace("# ok 1 global.a", "# not ok 1 global.a")
        self.fails("global.a", run(job.replace("\nok 1 ", "\nnot ok 1 ")))

    def test_skip_without_reason(self):
        self.fails("global.b: skipped without", run(GOOD.replace(" no such CPU", "")))
        self.fails("global.b: skipped without", run(GOOD.replace("no such CPU", "unknown")))

    def test_program_crashes_early(self):
        job = GOOD.replace("# ok 2 global.b # SKIP no such CPU\n", "")
        self.fails("all 2 planned", run(job.replace("one_64\n#", "one_64 # exit=139\n#")))

    def test_program_crashes_late(self):
        job = GOOD.replace("\nok 1 selftests: trampfd: one_64",
                           "\nnot ok 1 selftests: trampfd: one_64 # exit=139")
        self.fails("exit status: EXIT=139", run(job))

    def test_program_without_cases_fails(self):
        job = GOOD.replace("\nok 2 selftests: trampfd: plain",
                           "\nnot ok 2 selftests: trampfd: plain # TIMEOUT 45 seconds")
        self.fails("plain: TIMEOUT", run(job))

    def test_program_skips(self):
        job = GOOD.replace("\nok 2 selftests: trampfd: plain",
                           "\nok 2 selftests: trampfd: plain # SKIP")
        self.fails("plain: skipped without", run(job))
        job = job.replace("[OK]\tFine", "1..0 # SKIP no CONFIG_TRAMPFD")
        self.assertIn("trampfd:plain: no CONFIG_TRAMPFD", statuses(run(job))["skip"])

    def test_nothing_ran(self):
        self.fails("trampfd: any test", run(""), ["trampfd"])

    def test_skips_what_must_run(self):
        self.fails("one_64: global.b: any test", run(), ["trampfd:one_64: global.b"])
        self.fails("one_32: any test", run(), ["trampfd:one_64", "trampfd:one_32"])
        self.assertEqual(statuses(run(), ["trampfd:one_64: global.a", "trampfd:plain"])["fail"], [])

    def test_program_missing(self):
        self.fails("all 2 test programs", run(GOOD[:GOOD.index("# timeout set to 45\n# selftests: trampfd: plain")]))

    def test_demo(self):
        found = statuses(run("trampfd-guest: pass a demo\ntrampfd-guest: fail another (exit status 1)\n"))
        self.assertEqual(found["fail"], ["another (exit status 1): "])
        self.assertIn("a demo: ", found["pass"])

    def test_left_behind(self):
        left = "trampfd-guest: %s trampfd:one_64: nothing is left behind # %s\n"
        self.fails("^trampfd:one_64: nothing is left behind: trampfd_context: 3; before",
                   run(GOOD + left % ("fail", "trampfd_context: 3; before it: trampfd_context: 0")))
        found = statuses(run(GOOD + left % ("pass", "trampfd_context: 0") +
                             left.replace("64", "32") % ("skip", "no trampfd")))
        self.assertIn("trampfd:one_64: nothing is left behind: trampfd_context: 0", found["pass"])
        self.assertIn("trampfd:one_32: nothing is left behind: no trampfd", found["skip"])
        self.fails("one_64: nothing is left behind: any test", run(),
                   ["trampfd:one_64: nothing is left behind"])


class Guests(Case):
    def test_no_boot(self):
        self.fails("did not boot", [BOOT])

    def test_dies_in_job(self):
        failed = statuses(run(GOOD[:GOOD.index("# ok 2")], end=None))["fail"]
        self.assertRegex("\n".join(failed), "one_64: end: it did not end")
        self.assertRegex("\n".join(failed), "died in the middle")

    def test_dies_afterwards(self):
        self.fails("after its job", run(tail=""))
        self.fails("printing its log", run(tail="trampfd-guest: kernel log\n" + BOOT))

    def test_time_limit(self):
        self.fails("too long", run(GOOD + "trampfd-guest: time limit of 300 s\n", end="124"))

    def test_status(self):
        self.fails("status is 1", run(end="1"))

    def test_log_too_small(self):
        self.fails("LOG_BUF_SHIFT", run(tail="trampfd-guest: kernel log\ntrampfd-guest: done\n"))

    def test_lockdep_off(self):
        self.fails("lockdep", run(tail="trampfd-guest: lockdep is off\n" + DONE))


class KernelLog(Case):
    PLANTED = {
        "WARNING: CPU: 1 PID: 77 at mm/mmap.c:12 f+0x1/0x2": "WARNING: at mm/mmap.c",
        "WARNING: possible circular locking dependency detected": "circular",
        "WARNING: possible recursive locking detected": "recursive",
        "WARNING: inconsistent lock state": "inconsistent",
        "WARNING: suspicious RCU usage": "RCU",
        "WARNING: bad unlock balance detected!": "unlock",
        "WARNING: lock held when returning to user space!": "lock held",
        "INFO: trying to register non-static key.": "non-static",
        "BUG: KASAN: slab-use-after-free in f+0x1/0x2": "KASAN",
        "BUG: sleeping function called from invalid context at mm/x.c:1": "sleeping",
        "BUG: scheduling while atomic: a/1/0x00000002": "atomic",
        "BUG: kernel NULL pointer dereference, address: 0000000000000000": "NULL",
        "BUG: unable to handle page fault for address: ffff888000000000": "page fault",
        "BUG: Bad page state in process a  pfn:12345": "page state",
        "BUG: Bad rss-counter state mm:00000000deadbeef type:MM_ANONPAGES val:1": "rss",
        "BUG: soft lockup - CPU#0 stuck for 26s! [a:1]": "soft lockup",
        "BUG: workqueue lockup - pool cpus=0": "workqueue",
        "BUG kmalloc-64 (Not tainted): Redzone overwritten": "Redzone",
        "kernel BUG at mm/mmap.c:12!": "kernel BUG",
        "Oops: general protection fault, maybe for address 0x0: 0000 [#1] SMP": "Oops",
        "Unable to handle kernel paging request at virtual address 0": "paging",
        "Internal error: Oops: 0000000096000004 [#1] SMP": "Internal error",
        "Kernel panic - not syncing: Attempted to kill init!": "panic",
        "rcu: INFO: rcu_preempt self-detected stall on CPU": "stall",
        "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:": "stall",
        "rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: {": "stall",
        "INFO: task a:1 blocked for more than 120 seconds.": "blocked",
        "UBSAN: array-index-out-of-bounds in mm/mmap.c:1:2": "UBSAN",
        "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)": "leaks",
        "list_del corruption. prev->next should be ffff, but was ffff": "list_del",
        "refcount_t: underflow; use-after-free.": "refcount",
        "ODEBUG: activate active (active state 1) object: 0 object type: rcu_head": "ODEBUG",
        "BUG: KCSAN: data-race in trampfd_hit / trampfd_set": "KCSAN",
        "BUG: KCSAN: data-race in do_exit+0x1/0x2 / trampfd_mm_exit+0x3/0x4": "KCSAN",
    }
    HARMLESS = (
        "a[77]: segfault at 0 ip 0000000000401000 sp 0 error 4 in a[401000+1000]",
        "FAULT_INJECTION: forcing a failure.",
        "a: page allocation failure: order:0, mode:0xdc0",
        "Memory cgroup out of memory: Killed process 7 (a)",
        "kmemleak: Kernel memory leak detector initialized (mem pool available: 15)",
        "debug: unmapping init memory",
        "Spectre V2 : Mitigation: Retpolines",
        "BUG: KCSAN: data-race in do_exit / do_wait",
    )

    def test_planted(self):
        for text, pattern in self.PLANTED.items():
            with self.subTest(text):
                line = "[   12.345678] " + text + "\n"
                self.fails("kernel log: .*" + pattern, run(log=line))
                # on the console only, in the middle of a test's line, and twice
                self.fails("kernel log: .*" + pattern,
                           run(GOOD.replace("# [OK]", "# [O" + line + "K]"), log=line))

    def test_caller(self):
        self.fails("KASAN", run(log="[    1.000000][   T77] BUG: KASAN: x\n"))

    def test_harmless(self):
        log = "".join(f"[    1.000000] {text}\n" for text in self.HARMLESS)
        self.assertEqual(statuses(run(log=log))["fail"], [])

    def test_programs_may_say_so(self):
        self.assertEqual(statuses(run(GOOD.replace("Fine", "WARNING: BUG: fine")))["fail"], [])


class Comparison(unittest.TestCase):
    def compare(self, ours, theirs):
        return [r[0] for r in report.compare(run(ours), run(theirs), ["trampfd"])]

    def test_same(self):
        self.assertEqual(self.compare(GOOD, GOOD), ["pass", "skip", "pass"])

    def test_different(self):
        other = re.sub("# ok 1", "# not ok 1", GOOD)
        self.assertEqual(self.compare(GOOD, other)[0], "fail")
        self.assertEqual(self.compare(other, GOOD)[0], "fail")
        # what fails everywhere is not ours
        self.assertEqual(self.compare(other, other)[0], "pass")

    def test_size_in_name(self):
        def results(program, ours, theirs):
            job = GOOD.replace("trampfd: one_64", "mm: " + program)
            return [r[0] for r in report.compare(run(job.replace("global.a", ours)),
                                                 run(job.replace("global.a", theirs)), ["mm"])]

        self.assertEqual(results("mrelease_test", "child with 1MB", "child with 2MB").count("fail"), 0)
        self.assertIn("fail", results("mremap_test", "by 1MB", "by 2MB"))

    def test_same_names(self):
        twice = GOOD.replace("ok 2 global.b # SKIP no such CPU", "ok 2 global.a")
        bad = re.sub("ok 1 global.a", "not ok 1 global.a", twice)
        self.assertIn("fail", self.compare(bad, twice))
        self.assertNotIn("fail", self.compare(twice, twice))

    def test_missing(self):
        short = GOOD.replace("# ok 1 global.a\n", "")
        self.assertIn("fail", self.compare(short, GOOD))
        self.assertIn("fail", self.compare(GOOD, short))
        self.assertIn("fail", self.compare(GOOD, ""))


class Said(unittest.TestCase):
    JOB = GOOD.replace("# ok 1 global.a", "# # a_test.c:7: 1 != 2\n# oh\n# not ok 1 global.a")

    def test_of_the_test(self):
        lines = run(self.JOB)
        self.assertEqual(report.said(lines, "i386 main: trampfd:one_64: global.a"),
                         ["# a_test.c:7: 1 != 2", "oh"])
        self.assertEqual(report.said(lines, "trampfd:one_64: all 3 planned tests"), [])

    def test_of_bad_skip_and_number(self):
        job = self.JOB.replace("# not ok 1 global.a", "# ok 1 global.a # SKIP")
        self.assertEqual(report.said(run(job), "trampfd:one_64: global.a"),
                         ["# a_test.c:7: 1 != 2", "oh"])
        job = self.JOB.replace("# not ok 1 global.a", "# not ok 1")
        self.assertEqual(report.said(run(job), "trampfd:one_64: 1"),
                         ["# a_test.c:7: 1 != 2", "oh"])

    def test_of_the_program(self):
        lines = run(self.JOB.replace("# ok 2 global.b # SKIP no such CPU", "# Aborted"))
        self.assertEqual(report.said(lines, "trampfd:one_64: exit status"), ["Aborted"])
        self.assertEqual(report.said(lines, "trampfd:plain"), ["[OK]\tFine"])
        self.assertEqual(report.said(run(self.JOB.replace("# oh\n", "# oh\n" * 99)),
                                     "trampfd:one_64: global.a"), ["oh"] * report.SAID_MAX)

    def test_of_none(self):
        self.assertEqual(report.said(run(), "trampfd:two: global.a"), [])
        self.assertEqual(report.said(run(), "guest's kernel log"), [])

    def test_in_total(self):
        with tempfile.TemporaryDirectory() as top:
            for name, text in ("log", "\n".join(run(self.JOB))), ("results", (
                    f"fail\ti386 main: trampfd:one_64: global.a\t\t{top}/log\n"
                    f"fail\ta guest that was never there\twhy\t{top}/none\n")):
                with open(f"{top}/{name}", "w") as f:
                    f.write(text)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertTrue(report.total("check", f"{top}/results"))
        self.assertRegex(out.getvalue(), r"one_64: global\.a\n.*a_test.c:7.*\n.*oh\n.*log: ")
        self.assertRegex(out.getvalue(), r"never there: why\n.*log: ")
        self.assertIn("check: 0 passed, 2 failed, 0 skipped", out.getvalue())

    def test_numbers(self):
        with tempfile.NamedTemporaryFile("w") as results:
            results.write("pass\ta\t\tlog\nfail\tb\twhy\tlog\nskip\tc\tno CPU\tlog\n")
            results.flush()
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                report.total("run", results.name)
        self.assertIn("\n   1  passed   a\n   2  FAILED   b: why\n   3  skipped  c: no CPU\n", out.getvalue())
        self.assertIn("run: 1 passed, 1 failed\n", out.getvalue())

    def test_left_out(self):
        with tempfile.NamedTemporaryFile("w") as results:
            results.write("pass\ta\t\tlog\nskip\tarm: b\tno time: make it\tlog\nskip\tc\tno CPU\tlog\n")
            results.flush()
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertFalse(report.total("check", results.name))
        self.assertEqual(out.getvalue(), "\nLeft out:\n  arm: b: no time: make it\n\n"
                                         "check: 1 passed, 0 failed, 2 skipped\n")


class Skipped(unittest.TestCase):
    def skipped(self, job):
        return [r[0] for r in report.skipped(run(job), "no such CPU")]

    def test_all(self):
        job = GOOD.replace("# ok 1 global.a", "# ok 1 global.a # SKIP no such CPU")
        job = job.replace("[OK]\tFine", "1..0 # SKIP no such CPU")
        job = job.replace("\nok 2 selftests: trampfd: plain", "\nok 2 selftests: trampfd: plain # SKIP")
        self.assertEqual(self.skipped(job), ["pass"] * 4)
        self.assertIn("fail", self.skipped(job.replace("no such CPU", "too tired")))

    def test_some(self):
        self.assertEqual(self.skipped(GOOD).count("fail"), 2)
        self.assertIn("fail", self.skipped(""))


if __name__ == "__main__":
    unittest.main()
