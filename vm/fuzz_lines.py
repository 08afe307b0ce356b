#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tells which lines of trampfd's files no run has reached.

    fuzz_lines.py VMLINUX CROSS SOURCE PLACES

VMLINUX is a kernel with CONFIG_KCOV and debugging information, CROSS the prefix of its
binutils, SOURCE the tree that it was built from, and PLACES a file with the addresses that
KCOV has reported, one on each line.  The compiler has put a call of KCOV into each basic
block; KCOV reports where the call returns to.  So each such address is a place that can be
reached, and the debugging information has its line.
"""
import os
import re
import subprocess
import sys

FILES = re.compile(r"mm/trampfd\w*\.[ch]$|arch/x86/mm/trampfd\.c$")
CALL = re.compile(r"^([0-9a-f]+):.*\bcall\w*\s.*<__sanitizer_cov_trace_pc>")
INSTRUCTION = re.compile(r"^([0-9a-f]+):")


def call_returns(lines):
    """The addresses behind the calls of KCOV in what objdump prints."""
    found, pending = [], False
    for line in lines:
        line = line.strip()
        m = INSTRUCTION.match(line)
        if not m:
            continue
        if pending:
            found.append(int(m[1], 16))
        pending = bool(CALL.match(line))
    return found


def our_lines(addresses, text):
    """{address: (file, line)} of those that are of our files, of what addr2line prints."""
    places = {}
    for address, line in zip(addresses, text.splitlines()):
        path, _, number = line.partition(":")
        number = number.split(" ")[0]
        if number.isdigit() and int(number) and FILES.search(path):
            places[address] = (path, int(number))
    return places


def summary(places, reached):
    """(reached lines, all lines, [(file, line) not reached]) of the places."""
    lines = {}
    for address, where in places.items():
        lines[where] = lines.get(where, False) or address in reached
    missed = sorted(where for where, seen in lines.items() if not seen)
    return len(lines) - len(missed), len(lines), missed


def run(*command, text=None):
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True,
                          text=True).stdout


def main(vmlinux, cross, source, places):
    with open(places) as f:
        reached = {int(line, 16) for line in f}
    addresses = call_returns(run(cross + "objdump", "-d", "--no-show-raw-insn", vmlinux)
                             .splitlines())
    where = our_lines(addresses, run(
        cross + "addr2line", "-e", vmlinux,
        text="".join(f"{a - 1:#x}\n" for a in addresses)))
    seen, total, missed = summary(where, reached)
    print(f"         {seen} of {total} lines with a basic block of trampfd's files were reached")
    for path, number in missed:
        short = re.sub(r"^.*/(?=(mm|arch/x86/mm)/)", "", path)
        try:
            with open(os.path.join(source, short)) as f:
                text = f.read().splitlines()[number - 1].strip()
        except (OSError, IndexError):
            text = ""
        print(f"{short}:{number}: {text}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
