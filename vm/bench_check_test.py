#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plants costs that are too high, and checks that bench_check.py sees them."""
import os
import tempfile
import unittest

import bench_chart
import bench_check
import bench_table

CSV = """bench,method,n,cost,unit
call,stub,1,6.00,instructions
call,table,1,5.00,instructions
call,trampfd,1,250.00,instructions
call,trampfd,1000,255.00,instructions
call,trampfd,1000000,260.00,instructions
call,trampfd-3reg,1,264.00,instructions
call,trampfd-7reg,1,292.00,instructions
call,trampfd-stack8,1,330.00,instructions
call,trampfd-64regions,64,250.00,instructions
call,signal,1,4000.00,instructions
call,getppid,1,200.00,instructions
call,vsyscall,1,320.00,instructions
call,v1,1,700.00,instructions
call,trampfd-code,1,5.00,instructions
call,trampfd-code,1000,5.00,instructions
call,trampfd-code,65536,5.00,instructions
create,stub-each,4096,15000.00,instructions
create,trampfd-each,4096,1650.00,instructions
create,trampfd-address,4096,1750.00,instructions
create,trampfd-batch,4096,250.00,instructions
create,trampfd-v1way,4096,12000.00,instructions
create,stub-each,65536,15000.00,instructions
create,trampfd-each,65536,1650.00,instructions
create,trampfd-address,65536,1750.00,instructions
create,trampfd-batch,65536,250.00,instructions
create,trampfd-v1way,65536,12000.00,instructions
create,code-batch,65536,460.00,instructions
create,trampfd-replace,4096,400.00,instructions
create,code-replace,4096,460.00,instructions
create,trampfd-set,65536,300.00,instructions
create,code-set,65536,345.00,instructions
create,trampfd-replace,65536,500.00,instructions
create,code-replace,65536,525.00,instructions
first,trampfd,1,9000.00,instructions
first-bytes,trampfd,256,8000.00,bytes
memory,code,65536,90.00,bytes
stride,code,65536,16.00,bytes
"""


def figures(text=CSV):
    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as f:
        f.write(text)
    try:
        return bench_check.read(f.name)
    finally:
        os.unlink(f.name)


def failed(results):
    return [f"{name}: {detail}" for status, name, detail in results if status != "pass"]


class Limits(unittest.TestCase):
    def fails(self, count, pattern, old, new, arch="x86_64"):
        self.assertIn(old, CSV)
        found = failed(bench_check.limits(arch, figures(CSV.replace(old, new))))
        self.assertEqual(len(found), count, found)
        self.assertRegex(found[0], pattern)

    def test_good(self):
        results = bench_check.limits("x86_64", figures())
        self.assertEqual(failed(results), [])
        self.assertEqual(len(results), len(bench_check.limits_of("x86_64")))
        self.assertGreater(len(results), len(bench_check.X86_64))
        for arch in "arm64", "i386", "m68k", "arm64-7.3", "x86_64-7.3":
            self.assertEqual(failed(bench_check.limits(arch, figures())), [])

    def test_each_limit(self):
        for old, new, pattern in (
                ("vsyscall,1,320", "vsyscall,1,255", "in vsyscalls: 0.98.*which is 0.95 and"),
                ("v1,1,700", "v1,1,535", "way of v1"),
                ("signal,1,4000", "signal,1,3200", "SIGSEGV handler.*at least 13.11"),
                ("trampfd,1000,255", "trampfd,1000,290", "one of 1000 to"),
                ("trampfd,1000000,260", "trampfd,1000000,290", "one of 1000000 to"),
                ("64regions,64,250", "64regions,64,290", "64 regions"),
                ("3reg,1,264", "3reg,1,267", "of 3: 8.5"),
                ("7reg,1,292", "7reg,1,300", "of 7: 8.33"),
                ("stack8,1,330", "stack8,1,333", "stack data: 83"),
                ("batch,4096,250", "batch,4096,310", "stub, in trampolines.* of 4096: 48.39"),
                ("batch,65536,250", "batch,65536,310", "stub, in trampolines.* of 65536: 48.39"),
                ("v1way,4096,12000", "v1way,4096,4800", "descriptor and.* of 4096: 19.2"),
                ("v1way,65536,12000", "v1way,65536,4800", "descriptor and.* of 65536: 19.2"),
                # No room: the figures of the good ones are right at the limit.
                ("address,4096,1750", "address,4096,1751", "by address.* of 4096: 101, at most 100"),
                ("address,65536,1750", "address,65536,1751", "by address.* of 65536: 101, at most 100"),
                ("trampfd-code,1,5", "trampfd-code,1,6", "static table, one of 1: 1, at most 0"),
                ("trampfd-code,1000,5", "trampfd-code,1000,6", "static table, one of 1000: 1,"),
                ("trampfd-code,65536,5", "trampfd-code,65536,6", "static table, one of 65536: 1,"),
                ("code-set,65536,345", "code-set,65536,346", "setting a code entry.*: 1.153, at most 1.15"),
                ("code-replace,4096,460", "code-replace,4096,461", "replacing.*4096.*: 1.153, at most 1.15"),
                ("code-replace,65536,525", "code-replace,65536,526", "replacing.*65536.*: 1.052, at most"),
                ("code-batch,65536,460", "code-batch,65536,496", "making and calling.*: 1.002, at most 1"),
                ("memory,code,65536,90", "memory,code,65536,91", "memory of a code entry.*: 1.011, at most 1")):
            with self.subTest(new):
                self.fails(1, pattern, old, new)

    def test_call(self):
        self.fails(1, "instructions of a call.*: 252, at most 251", "trampfd,1,250", "trampfd,1,252")
        later = "x86_64-7.3"
        self.assertEqual(failed(bench_check.limits(later, figures(CSV.replace("trampfd,1,250", "trampfd,1,252")))), [])
        self.fails(1, "instructions of a call.*: 264, at most 263", "trampfd,1,250", "trampfd,1,264", later)
        self.fails(1, "getppid system calls: 1.65", "trampfd,1,250", "trampfd,1,330", "arm64")

    def test_code_call(self):
        for arch, most in ("arm64", 9), ("s390x", 9):
            good = CSV.replace("trampfd-code,1,5", f"trampfd-code,1,{most}")
            self.assertEqual(failed(bench_check.limits(arch, figures(good))), [])
            self.fails(1, f"a written stub: {most - 5}, at most {most - 6}",
                       "trampfd-code,1,5", f"trampfd-code,1,{most + 1}", arch)

    def test_code_memory(self):
        for cost, failures in (120, 0), (121, 1):
            wide = CSV.replace("stride,code,65536,16", "stride,code,65536,32")
            wide = wide.replace("memory,code,65536,90", f"memory,code,65536,{cost}")
            self.assertEqual(len(failed(bench_check.limits("arm64", figures(wide)))), failures)

        odd = CSV.replace("stride,code,65536,16", "stride,code,65536,64")
        found = failed(bench_check.limits("arm64", figures(odd)))
        self.assertEqual(len(found), 1)
        self.assertIn("no limit for 64 bytes", found[0])

    def test_without_code(self):
        """Where there can't be any, nothing is missing; elsewhere it is."""
        text = "".join(line for line in CSV.splitlines(True) if "code" not in line)
        self.assertEqual(failed(bench_check.limits("m68k", figures(text))), [])
        found = failed(bench_check.limits("arm64", figures(text)))
        self.assertEqual(len(found), 1 + len(bench_check.code_costs("arm64")), found)

    def test_room(self):
        found = failed(bench_check.limits("x86_64", figures(CSV.replace("stack8,1,330", "stack8,1,332"))))
        self.assertEqual(found, [])

    def test_not_measured(self):
        self.fails(1, "v1, n = 1, was not measured", "call,v1,1", "call,v2,1")
        for arch in "x86_64", "arm64", "m68k":
            self.assertEqual(len(failed(bench_check.limits(arch, {}))), len(bench_check.limits_of(arch)))


class Same(unittest.TestCase):
    def test_same(self):
        results = bench_check.same(figures(), figures())
        self.assertEqual(failed(results), [])
        self.assertEqual([detail for _, _, detail in results], ["all 16", "all 17", "all 1", "all 1", "all 1", "all 1"])

    def test_differ(self):
        for bench, old, new in (("call", "trampfd,1,250", "trampfd,1,251"),
                                ("call", "call,v1,1", "call,v2,1"),
                                ("create", "each,4096,15000", "each,4096,15001")):
            other = figures(CSV.replace(old, new))
            for a, b in ((figures(), other), (other, figures())):
                found = failed(bench_check.same(a, b))
                self.assertEqual(len(found), 1, found)
                self.assertIn(f"{bench}: the same", found[0])

    def test_nothing(self):
        self.assertEqual(len(failed(bench_check.same({}, {}))), 1)


class Table(unittest.TestCase):
    def test_ratios(self):
        line = bench_table.table({"x86_64": figures()})[1].split()
        self.assertEqual(line, ["x86_64", "-", "6", "5", "5", "200", "250", "4000", "1.25", "16.00"])

    def test_not_measured(self):
        line = bench_table.table({"arm": figures(CSV.replace("signal,1,", "other,1,"))})[1].split()
        self.assertEqual(line[-3:], ["-", "1.25", "-"])


class Chart(unittest.TestCase):
    def test_texts_are_apart(self):
        ends = sorted(line[4] for line in bench_chart.creates(figures()) if line[5])
        self.assertEqual(len(ends), 5)
        for lower, upper in zip(ends, ends[1:]):
            self.assertGreaterEqual(upper, lower * bench_chart.APART * 0.999)

    def test_all_calls(self):
        self.assertEqual(len(bench_chart.calls(figures())), 16)

    def test_code_has_its_colour(self):
        colours = {line[3]: line[1] for line in bench_chart.calls(figures())}
        self.assertEqual(colours["trampfd, code entry: one of 1,000"], bench_chart.COLOURS["code"])
        self.assertEqual(colours["trampfd: one of 1,000"], bench_chart.COLOURS["trampfd"])

    def test_first(self):
        self.assertEqual(bench_chart.firsts(figures()),
                         [(9000, bench_chart.COLOURS["trampfd"], "9,000, 8,000 bytes", "trampfd")])


if __name__ == "__main__":
    unittest.main()
