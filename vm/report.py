#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reads what guests print, and counts tests.

    report.py guest LOG [NAME...]        results of one guest, as lines of
                                         status, name, detail; of a collection,
                                         program or test that is named, one must
                                         have passed
    report.py compare LOG LOG COLLECTION...
                                         whether the second guest's tests
                                         ended as the first one's
    report.py skipped LOG REASON         whether each test of trampfd was
                                         skipped for this reason, counted by
                                         program, and the guest's own results
    report.py total WORD FILE            the closing lines, for all results

The results are text with tabs between the columns, and the log file last.
"""
import functools
import os
import re
import sys

# What a kernel without bugs does not say.
PROBLEM = re.compile(r"""
      WARNING:\ (?P<warning>.*)
    | (?P<bug>BUG:?\ (?!KCSAN:).*)
    # The kernel has races that are not ours.
    | (?P<race>BUG:\ KCSAN:\ .*(?:trampfd|ucount).*)
    | (?P<kernelbug>kernel\ BUG\ at.*)
    | (?P<oops>(?:Internal\ error:\ )?Oops.*)
    | (?P<fault>Unable\ to\ handle\ kernel.*)
    | (?P<panic>Kernel\ panic\ -\ not\ syncing.*)
    | (?P<stall>rcu:\ INFO:.*(?:stall|expedited).*)
    | (?P<hung>INFO:\ task\ .*\ blocked\ for\ more\ than.*)
    | (?P<lockdep>INFO:\ (?:trying\ to\ register|possible).*)
    | (?P<ubsan>UBSAN:.*)
    | (?P<leak>kmemleak:\ [1-9]\d*\ new\ suspected.*)
    | (?P<kmemleak>kmemleak:\ .*(?:disabled|limit).*)
    | (?P<list>list_(?:add|del)\ corruption.*)
    | (?P<refcount>refcount_t:.*)
    | (?P<odebug>ODEBUG:.*)
    | (?P<vmbug>page\ dumped\ because:.*)
    """, re.VERBOSE)
MESSAGE = re.compile(r"\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? (.*)")

RESULT = re.compile(r"(not )?ok (\d+)(?:\s+-)?\s*(.*)$")
PLAN = re.compile(r"1\.\.(\d+)(?:\s*# SKIP\s*(.*))?$")
TOP = "selftests: "

PASSED = {"pass": "passed ", "fail": "FAILED ", "skip": "skipped"}

# Lines of a failed test that the closing list repeats: the log may be out of reach.
SAID_MAX = 12


def read(path):
    with open(path, errors="replace") as f:
        return [line.rstrip("\r\n") for line in f]


@functools.lru_cache
def read_if_there(path):
    return read(path) if os.path.isfile(path) else []


def split_result(text):
    """The name of a KTAP result, its directive, and the directive's text."""
    m = re.match(r"(.*?)\s*#\s*(SKIP|XFAIL|TODO|TIMEOUT|exit=\d+|error)\b\s*(.*)$", text, re.I)
    if not m:
        return text.strip(), "", ""
    return m[1].strip(), m[2].upper(), m[3].strip()


def leaf(failed, text):
    """(status, name, detail) of one result line."""
    name, directive, why = split_result(text)
    if directive == "SKIP" and not failed:
        if not why or why == "unknown":
            return "fail", name, "skipped without a reason"
        return "skip", name, why
    return ("fail" if failed else "pass"), name, f"{directive} {why}".strip()


def program(name, lines, failed, text):
    """All results of one test program, whose own result line was `text`."""
    results, plan, reason, marks = [], None, "", {}
    for line in lines:
        if m := RESULT.match(line):
            status, case, detail = leaf(m[1], m[3])
            results.append((status, f"{name}: {case or m[2]}", detail))
        elif m := PLAN.match(line):
            plan, reason = int(m[1]), m[2] or reason
        elif m := re.match(r"\[(OK|FAIL|SKIP|WARN)\]\s*(.*)", line):
            marks[m[1]] = marks.get(m[1], 0) + 1
            if m[1] == "SKIP":
                reason = reason or m[2]
        elif m := re.match(r"(?:#\s*)?SKIP\S*\s+(.*)", line):
            reason = reason or m[1]

    if not results:
        status, _, detail = leaf(failed, f"{text} {reason}" if text.endswith("# SKIP") else text)
        return [(status, name, detail or " ".join(f"{n} {m}" for m, n in sorted(marks.items())))]
    if plan is not None and len(results) < plan:
        results.append(("fail", f"{name}: all {plan} planned tests", f"{len(results)} ran"))
    elif failed and not any(status == "fail" for status, _, _ in results):
        results.append(("fail", f"{name}: exit status", split_result(text)[1] or "not 0"))
    return results


def ktap(lines):
    """The results of run_kselftest.sh."""
    results, name, body, plan, seen = [], None, [], 0, 0
    for line in lines:
        m = RESULT.match(line)
        if m and m[3].startswith(TOP):
            own = split_result(m[3][len(TOP):])[0].replace(": ", ":")
            results += program(own, body, m[1], m[3])
            name, body, seen = None, [], seen + 1
        elif line.startswith("# " + TOP):
            name, body = line[len("# " + TOP):].replace(": ", ":"), []
        elif line.startswith("# "):
            body.append(line[2:])
        elif m := PLAN.match(line):
            plan += int(m[1])
    if name:
        results += [r for r in program(name, body, True, "") if r[0] != "fail" or ": " in r[1]]
        results.append(("fail", f"{name}: end", "it did not end"))
        seen += 1
    if seen < plan:
        results.append(("fail", f"all {plan} test programs", f"{seen} ran"))
    return results


def kernel_problems(lines):
    found = {}
    for line in lines:
        m = MESSAGE.search(line)
        m = m and PROBLEM.match(m[1])
        if m:
            # Once: the console and the log at the end both have it.
            text = re.sub(r"CPU: \d+ PID: \d+ ", "", m[0])
            found.setdefault(re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{16}\b|\b\d+s\b", "#", text), text)
        elif line == "trampfd-guest: lockdep is off":
            found.setdefault(line, "lockdep has switched itself off")
    return list(found.values())


def guest(lines, must_run=()):
    """All results of one guest."""
    results, job, state, status = [], [], "boot", None
    for line in lines:
        if line.startswith("trampfd-guest: begin"):
            state = "job"
        elif line.startswith("trampfd-guest: end"):
            state, status = "end", line.split()[-1]
        elif line == "trampfd-guest: kernel log":
            state = "log"
        elif line == "trampfd-guest: done":
            state = "done"
        elif m := re.match(r"trampfd-guest: (pass|fail|skip) (.*?)(?: # (.*))?$", line):
            results.append((m[1], m[2], m[3] or ""))
        elif state == "job":
            job.append(line)

    results += ktap(job)
    for must in must_run:
        if not any(s == "pass" and (n == must or n.startswith(must + ":")) for s, n, _ in results):
            results.append(("fail", f"{must}: any test", "none has passed"))

    reached = {"boot": "it did not boot", "job": "it died in the middle of its job",
               "end": "it died after its job", "log": "it died while printing its log"}
    if state in reached:
        results.append(("fail", "guest boots, runs and ends", reached[state]))
    elif any(line.startswith("trampfd-guest: time limit") for line in lines):
        results.append(("fail", "guest boots, runs and ends", "the job took too long"))
    elif status != "0":
        results.append(("fail", "guest boots, runs and ends", f"the job's status is {status}"))
    else:
        results.append(("pass", "guest boots, runs and ends", ""))

    problems = kernel_problems(lines)
    if state == "done" and not any(" Linux version " in line for line in
                                   lines[lines.index("trampfd-guest: kernel log"):]):
        problems.append("its beginning is lost, raise CONFIG_LOG_BUF_SHIFT")
    results += [("fail", "guest's kernel log", p) for p in problems]
    if not problems:
        results.append(("pass", "guest's kernel log", ""))
    return results


def compare(ours, theirs, collections):
    """One result for each test of `theirs` and `ours`: the same in both?"""
    def wanted(lines):
        tests = {}
        for status, name, detail in guest(lines):
            if name.startswith(tuple(c + ":" for c in collections)):
                # mrelease_test names the size it has got to, larger where it
                # came too late the first time.
                if name.startswith("mm:mrelease_test:"):
                    name = re.sub(r"\b\d+MB\b", "#MB", name)
                # None must hide another of the same name.
                while name in tests:
                    name += " again"
                tests[name] = (status, detail)
        return tests

    results = []
    a, b = wanted(ours), wanted(theirs)
    for name in list(dict.fromkeys([*b, *a])):
        here, there = a.get(name, ("missing", "")), b.get(name, ("missing", ""))
        if here != there:
            results.append(("fail", name, f"{' '.join(here)}; unpatched: {' '.join(there)}"))
        elif here[0] == "skip":
            results.append(("skip", name, f"on both kernels: {here[1]}"))
        else:
            results.append(("pass", name, f"{here[0]} on both kernels"))
    if not b:
        results.append(("fail", "comparison with the unpatched kernel", "it ran no tests"))
    return results


def skipped(lines, reason):
    """One result for each program of a guest where all tests have to skip."""
    programs, rest = {}, []
    for status, name, detail in guest(lines):
        if name.startswith("trampfd:"):
            programs.setdefault(name.split(": ")[0], []).append((status, name, detail))
        else:
            rest.append((status, name, detail))

    results = []
    for program_name, cases in programs.items():
        bad = [c for c in cases if c[0] != "skip" or reason not in c[2]]
        results += [("fail", name, f"{status} {detail}, not skipped for: {reason}")
                    for status, name, detail in bad]
        if not bad:
            results.append(("pass", program_name, f"all {len(cases)} skip: {reason}"))
    if not programs:
        results.append(("fail", "trampfd: any test", "none ran"))
    return results + rest


def said(lines, name):
    """What the test program printed before a test's result, or at last."""
    m = re.search(r"(?:^|: )([\w.-]+):([\w.-]+)(?:: (.*))?$", name)
    start = m and f"# {TOP}{m[1]}: {m[2]}"
    if start not in lines:
        return []

    words = []
    for line in lines[lines.index(start) + 1:]:
        if not line.startswith("# ") or line.startswith("# " + TOP):
            break
        line = line[2:]
        if result := RESULT.match(line):
            status, case, _ = leaf(result[1], result[3])
            if status == "fail" and (case or result[2]) == m[3]:
                break
            words = []
        elif not re.match(r"#\s+(?:RUN|OK|FAIL)\s|# Totals:|TAP version|1\.\.\d", line):
            words.append(line)
    return words[-SAID_MAX:]


def total(word, path):
    count = {"pass": 0, "fail": 0, "skip": 0}
    failures, left_out, seen = [], [], []
    for line in read(path):
        status, name, detail, log = line.split("\t")
        count[status] += 1
        seen.append((status, name, detail))
        if status == "fail":
            failures.append("\n      ".join([f"  {name}{': ' if detail else ''}{detail}",
                                            *said(read_if_there(log), name), f"log: {log}"]))
        elif status == "skip" and detail.startswith("no time: "):
            left_out.append(f"  {name}: {detail}")
    if word == "run":
        print("\nWhat was tested:")
        for number, (status, name, detail) in enumerate(seen, 1):
            print(f"{number:4}  {PASSED[status]}  {name}{': ' if detail else ''}{detail}")
    if word in ("deb", "system"):
        left_out += [f"  {name}: {detail}" for status, name, detail in seen if status == "skip"]
    if left_out:
        print("\nLeft out:")
        print("\n".join(left_out))
    if failures:
        print("\nFailed:")
        print("\n".join(failures))
        print("\nA guest's log ends with what the kernel has logged.  The same kernel with a shell,\n"
              "to run one test by hand:  make shell TESTS=1")
    skipped = f", {count['skip']} skipped" if word in ("check", "clients", "deb", "system") else ""
    print(f"\n{word}: {count['pass']} passed, {count['fail']} failed{skipped}")
    return count["fail"] > 0 or count["pass"] == 0


def main():
    mode, *args = sys.argv[1:]
    if mode == "total":
        return total(*args)
    if mode == "guest":
        results, log = guest(read(args[0]), args[1:]), args[0]
    elif mode == "skipped":
        results, log = skipped(read(args[0]), args[1]), args[0]
    else:
        results, log = compare(read(args[0]), read(args[1]), args[2:]), args[0]
    for result in results:
        print("\t".join([*(field.replace("\t", " ") for field in result), log]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
