#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a guest has said about the programs of libffi's test suite.

    clients_libffi.py split LOG DIR      one directory for each run, with the
                                         files NAME.out and NAME.status that
                                         clients/libffi/guest.exp reads
    clients_libffi.py results ARCH RUNS DIR EXPECTED CSV LOG
                                         compare DejaGnu's verdicts, DIR/a.sum
                                         and so on for each letter of RUNS;
                                         print lines for counting, and write
                                         the figures to CSV
    clients_libffi.py table CSV...       the figures as a table in rst
    clients_libffi.py noexecstack ELF... have these files ask for no executable
                                         stack

EXPECTED names tests that are known to fail under strict W^X with any library,
one a line: a regular expression, a tab, the reason.
"""
import collections
import os
import re
import struct
import sys

import suites

RUNS = {
    "a": "stock, unprotected",
    "b": "stock, strict W^X",
    "c": "trampfd, strict W^X",
    "d": "trampfd switched off",
    "e": "Debian's options, strict W^X",
}
ESCAPE = re.compile(r"\\(n|\\|x[0-9a-f]{2})")


def unescape(text):
    def byte(m):
        if m[1][0] == "x":
            return chr(int(m[1][1:], 16))
        return "\n" if m[1] == "n" else "\\"
    return ESCAPE.sub(byte, text)


def split(log, to):
    """Sort out what the guest has printed; anything odd is an error."""
    run, text, ended = None, [], set()
    with open(log, errors="replace") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if m := re.fullmatch(r"ffi- (begin|end) (\w+)", line):
                if run != (m[2] if m[1] == "end" else None):
                    sys.exit(f"{log}: out of order: {line}")
                run = m[2] if m[1] == "begin" else None
                text = []
                if run:
                    os.makedirs(f"{to}/{run}")
                else:
                    ended.add(m[2])
            elif run and line.startswith("ffi: "):
                text.append(line[5:])
            elif run and (m := re.fullmatch(r"ffi= (\w+ \d+) (\w+)", line)):
                with open(f"{to}/{run}/{m[2]}.out", "w", encoding="latin-1") as f:
                    f.write(unescape("".join(text)))
                with open(f"{to}/{run}/{m[2]}.status", "w") as f:
                    f.write(m[1])
                text = []
    if run or not ended:
        sys.exit(f"{log}: the guest did not run all programs")


def verdicts(path):
    """{name: verdict}, and their numbers."""
    found, count = {}, collections.Counter()
    with open(path, errors="replace") as lines:
        for line in lines:
            m = re.match(r"(PASS|FAIL|XPASS|XFAIL|UNRESOLVED|UNTESTED|UNSUPPORTED|ERROR): (.*)", line)
            if not m:
                continue
            name = " ".join(m[2].split())
            found[suites.unused(name, found)] = m[1]
            count[m[1]] += 1
    return found, count


def read_expected(path):
    with open(path) as lines:
        return [line.rstrip("\n").split("\t", 1) for line in lines
                if line.strip() and not line.startswith("#")]


def program(name):
    return re.sub(r" (execution test|output pattern test|\(test for excess errors\))( \(\d+\))?$", "", name)


def results(arch, wanted, directory, expected_path, csv, log):
    runs = {run: verdicts(f"{directory}/{run}.sum") for run in wanted
            if os.path.exists(f"{directory}/{run}.sum")}
    expected = read_expected(expected_path)
    missing = [run for run in wanted if run not in runs]
    if missing:
        print("\t".join(("fail", "all runs of libffi's suite", f"missing: {' '.join(missing)}", log)))
        return
    stock = runs["a"][0]

    def result(status, name, detail=""):
        print("\t".join((status, name, detail, log)))

    passed = [name for name in stock if stock[name] == "PASS"]
    if len(passed) < 1000:
        result("fail", "libffi's suite passes unprotected", f"only {len(passed)} tests do")

    excused = collections.Counter()
    for name in passed:
        now = runs["c"][0].get(name, "not reached")
        reason = next((why for what, why in expected if re.search(what, f"{arch} {name}")), None)
        if now == "PASS":
            result("pass", name, "stock unprotected, and on trampfd under strict W^X")
        elif reason:
            excused[reason] += 1
            result("skip", name, f"fails under strict W^X with any library: {reason}")
        else:
            result("fail", name, f"{now} on trampfd under strict W^X")

    if "d" in runs:
        off = runs["d"][0]
        differ = [name for name in {**stock, **off} if stock.get(name) != off.get(name)]
        same = "with trampfd switched off, all is as with stock libffi"
        if differ:
            result("fail", same, f"{len(differ)} differ, e.g. {differ[0]}")
        else:
            result("pass", same, f"{len(off)} tests")

    with open(csv, "w") as f:
        f.write("arch,run,pass,fail,other,lost\n")
        for run, (found, count) in runs.items():
            rest = sum(count.values()) - count["PASS"] - count["FAIL"]
            lost = sum(found.get(name) != "PASS" for name in passed)
            f.write(f"{arch},{run},{count['PASS']},{count['FAIL']},{rest},{lost}\n")
    lost = {program(name) for name in passed if runs["c"][0].get(name) != "PASS"}
    with open(csv.replace(".csv", ".lost"), "w") as f:
        f.writelines(f"{name}\n" for name in sorted(lost))


def table(paths):
    rows = {}
    for path in paths:
        with open(path) as lines:
            next(lines)
            for line in lines:
                arch, run, good, bad, _, lost = line.strip().split(",")
                rows.setdefault(arch, {})[run] = (int(good), int(bad), int(lost))
    heads = ["architecture", *RUNS.values()]
    body = [[arch, *(f"{r[k][0]:,} / {r[k][1]:,} / {r[k][2]:,}" if k in r else "--" for k in RUNS)]
            for arch, r in rows.items()]
    suites.print_table(heads, body)


def noexecstack(path):
    """PT_GNU_STACK without PF_X, in a 64-bit or 32-bit file of either endianness."""
    with open(path, "r+b") as f:
        head = f.read(64)
        if head[:4] != b"\x7fELF":
            sys.exit(f"{path}: not an ELF file")
        order = "<" if head[5] == 1 else ">"
        wide = head[4] == 2
        start, = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
        size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
        for i in range(count):
            f.seek(start + i * size)
            kind, = struct.unpack(order + "I", f.read(4))
            if kind == 0x6474e551:
                at = start + i * size + (4 if wide else 24)
                f.seek(at)
                flags, = struct.unpack(order + "I", f.read(4))
                f.seek(at)
                f.write(struct.pack(order + "I", flags & ~1))


def main():
    mode, *args = sys.argv[1:]
    if mode == "split":
        split(*args)
    elif mode == "results":
        results(*args)
    elif mode == "noexecstack":
        for path in args:
            noexecstack(path)
    else:
        table(args)


if __name__ == "__main__":
    main()
