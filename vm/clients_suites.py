#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a guest has said of the test suites of programs that make closures.

    clients_suites.py results ARCH LOG CSV SUITE...
                                    print lines for counting, and write the
                                    figures of each suite and each run (see
                                    below) to CSV
    clients_suites.py table CSV...  the figures as a table in rst

The guest prints "suites- begin RUN SUITE", what the suite has printed, each
line after "suites: ", and "suites- end RUN SUITE STATUS".  SUITE:KIND tells how
it names its tests and their verdicts: pytest -v, ruby (test-unit with
--verbose=verbose) or guile ("PASS: name").
"""
import collections
import re
import sys

import suites

RUNS = {
    "a": "Debian, unprotected",
    "b": "Debian, strict W^X",
    "c": "stock libffi, strict W^X",
    "d": "trampfd, strict W^X",
}
BASE, OURS = "a", "d"
PYTEST = re.compile(r"(\S+::.*?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: \(.*\))? +\[ *\d+%\]")
RUBY_CLASS = re.compile(r"\s*(\S.*): *")
RUBY = re.compile(r"\s*(test\S.*?):\s*([.FEPONA])(?::|$)")
GUILE = re.compile(r"(PASS|FAIL|ERROR|UNRESOLVED): (.*)")


def pytest(lines):
    for line in lines:
        if m := PYTEST.match(line):
            yield m[1], m[2] in ("PASSED", "XFAIL"), m[2] == "SKIPPED"


def ruby(lines):
    case = ""
    for line in lines:
        if m := RUBY.match(line):
            yield f"{case} {m[1]}", m[2] == ".", m[2] in "PO"
        elif m := RUBY_CLASS.fullmatch(line):
            case = m[1]


def guile(lines):
    for line in lines:
        if m := GUILE.match(line):
            yield m[2], m[1] == "PASS", False


def by_name(found):
    """{name: (good, skipped)}"""
    verdicts = {}
    for name, good, skipped in found:
        verdicts[suites.unused(name, verdicts)] = good, skipped
    return verdicts


KINDS = {"pytest": pytest, "ruby": ruby, "guile": guile}


def read(log):
    """{(run, suite): (lines, exit status)} of those that have ended."""
    found, now, lines = {}, None, []
    with open(log, errors="replace") as text:
        for line in text:
            line = line.rstrip("\n")
            if m := re.fullmatch(r"suites- begin (\w) (\w+)", line):
                now, lines = (m[1], m[2]), []
            elif m := re.fullmatch(r"suites- end (\w) (\w+) (\d+)", line):
                if now == (m[1], m[2]):
                    found[now] = lines, int(m[3])
                now = None
            elif now and line.startswith("suites: "):
                lines.append(line[8:])
    return found


def judge(suite, verdicts, statuses):
    """(status, name, detail) of what a suite says; the base is what passes unprotected."""
    for run in RUNS:
        if run not in verdicts:
            yield "fail", f"{suite} has ended", f"not: {RUNS[run]}"
    base = [name for name, (good, _) in verdicts.get(BASE, {}).items() if good]
    if not base:
        yield "fail", f"{suite} passes unprotected", "no test does"
    # 1 is what a suite ends with in which a test has failed.
    if statuses.get(BASE, 2) > 1:
        yield "fail", f"{suite} ends", f"exit status {statuses.get(BASE)}: {RUNS[BASE]}"
    if OURS not in verdicts:
        return
    good = statuses[OURS] <= statuses.get(BASE, 0)
    yield ("pass" if good else "fail", f"{suite} ends as it does unprotected",
           f"exit status {statuses[OURS]}: {RUNS[OURS]}")
    for name in base:
        good, skipped = verdicts[OURS].get(name, (False, False))
        yield ("pass" if good else "fail", f"{suite}: {name}",
               ("" if good else "skipped: " if skipped else "not passed: ") + RUNS[OURS])


def results(arch, log, csv, *wanted):
    found = read(log)
    rows = []
    for suite, kind in (s.split(":") for s in wanted):
        verdicts, statuses = {}, {}
        for run in RUNS:
            if (run, suite) not in found:
                continue
            lines, statuses[run] = found[run, suite]
            verdicts[run] = by_name(KINDS[kind](lines))
            count = collections.Counter("skip" if skipped else "pass" if good else "fail"
                                        for good, skipped in verdicts[run].values())
            rows.append((arch, suite, run, count["pass"], count["fail"], count["skip"], statuses[run]))
        for status, name, detail in judge(suite, verdicts, statuses):
            print("\t".join((status, name, detail, log)))
    with open(csv, "w") as f:
        f.write("arch,suite,run,pass,fail,skip,status\n")
        f.writelines(",".join(map(str, row)) + "\n" for row in rows)


def cell(row):
    """Passed and failed tests, and what else ended the program."""
    good, bad, status = row
    how = f", signal {status - 128}" if status > 128 else ", hung" if status == 124 else ""
    return f"{good:,} / {bad:,}{how}"


def table(paths):
    rows = {}
    for path in paths:
        with open(path) as lines:
            next(lines)
            for line in lines:
                arch, suite, run, good, bad, _, status = line.strip().split(",")
                rows.setdefault((suite, arch), {})[run] = int(good), int(bad), int(status)
    heads = ["suite", "architecture", *RUNS.values()]
    body = [[*key, *(cell(r[run]) if run in r else "--" for run in RUNS)] for key, r in rows.items()]
    suites.print_table(heads, body)


def main():
    mode, *args = sys.argv[1:]
    if mode == "results":
        results(*args)
    else:
        table(args)


if __name__ == "__main__":
    main()
