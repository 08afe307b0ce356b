#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sorts the figures of a CSV file for bench.gnuplot, in three blocks.

The first has a line for each call: cost, colour, cost as text, name.  The second has one for
each way and number of trampolines that were made: way, number, cost, colour,
and a last column that has the text where a line ends, moved so that texts do
not overlap.  The third is like the first, of programs with one trampoline.
"""
import sys

import bench_check

CALLS = {
    "direct": "direct call",
    "indirect": "indirect call",
    "stub": "written stub",
    "table": "static table",
    "trampfd": "trampfd: PC and 1 register",
    "trampfd-3reg": "trampfd: PC and 3 registers",
    "trampfd-7reg": "trampfd: PC and 7 registers",
    "trampfd-stack8": "trampfd: 8 bytes of stack data",
    "trampfd-stack64": "trampfd: 64 bytes of stack data",
    "trampfd-64regions": "trampfd: in one of 64 regions",
    "trampfd-code": "trampfd, code entry: PC and 1 register",
    "trampfd-code-3reg": "trampfd, code entry: PC and 3 registers",
    "signal": "SIGSEGV handler",
    "sigreturn": "stub that enters the kernel (sigreturn)",
    "getppid": "null system call (getppid)",
    "minor-fault": "minor page fault",
    "vsyscall": "vsyscall, emulated",
    "v1": "trampfd of 2020 (v1)",
}
# Without "trampfd-address": its line would lie on that of "trampfd-each".
WAYS = {
    "stub-each": "stubs, one page each",
    "stub-page": "stubs, a page full",
    "table": "static table",
    "trampfd-v1way": "trampfd, a descriptor each",
    "trampfd-each": "trampfd, one by one",
    "trampfd-batch": "trampfd, all in one call",
    "code-each": "code entries, one by one",
    "code-batch": "code entries, in one call",
}
FIRST = {
    "stub": "written stub",
    "table": "static table",
    "trampfd": "trampfd",
    "code": "trampfd, code entry",
}
COLOURS = {"trampfd": 0xD95F02, "code": 0x8E44AD, "stub": 0x1B6CA8, "table": 0x2A9D5C}
OTHER = 0x8C8C8C
# How far apart, as a ratio, texts at the ends of lines have to be.
APART = 1.33


def colour(method):
    method = method.removeprefix("trampfd-") if method.startswith("trampfd-code") else method
    return COLOURS.get(method.split("-")[0], OTHER)


def calls(figures):
    lines = []
    for (bench, method, n), cost in figures.items():
        if bench != "call":
            continue
        text = CALLS.get(method, method)
        if n > 1 and method in ("trampfd", "trampfd-code"):
            text = f"{text.split(':')[0]}: one of {n:,}"
        lines.append((cost, colour(method), f"{cost:,.0f}", text))
    # Bars are drawn upwards.
    return sorted(lines, key=lambda line: line[0])[::-1]


def creates(figures):
    made = {key: cost for key, cost in figures.items() if key[0] == "create" and key[1] in WAYS}
    ends = {}
    for _, method, n in made:
        ends[method] = max(n, ends.get(method, 0))
    place, last = {}, 0
    for method in sorted(ends, key=lambda m: made["create", m, ends[m]]):
        last = place[method] = max(made["create", method, ends[method]], last * APART)
    return [(method, n, cost, colour(method), *(
                (place[method], f"{WAYS[method]}  {cost:,.0f}") if n == ends[method] else ("NaN", "")))
            for (_, method, n), cost in made.items()]


def firsts(figures):
    memory = {method: cost for (bench, method, _), cost in figures.items() if bench == "first-bytes"}
    lines = [(cost, colour(method),
              f"{cost:,.0f}" + (f", {memory[method]:,.0f} bytes" if method in memory else ""),
              FIRST.get(method, method))
             for (bench, method, _), cost in figures.items() if bench == "first"]
    return sorted(lines)[::-1]


def main():
    figures = bench_check.read(sys.argv[1])
    for block in calls(figures), sorted(creates(figures)), firsts(figures):
        before = None
        for line in block:
            # An empty line ends a line of the chart.
            if before is not None and isinstance(line[0], str) and line[0] != before:
                print()
            before = line[0]
            print("\t".join(str(field) for field in line))
        print("\n")


if __name__ == "__main__":
    main()
