#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints rules for a patch of a series, for those who move something between patches.

    series_diff.py CLEAN BEFORE AFTER   rules that make the tree BEFORE of AFTER

Check out a step of the series (the repository is build/series.git), take out of its
files what is to come with it, and compare the two trees.  CLEAN is the kernel's: what
is as it was there is no more than the name of a file.
"""
import difflib
import os
import sys

import series
import series_rules
from series_rules import ANY, Error, Rule

# From how many lines on the middle of what is added is left out.
LONG = 8


def hunk_of(old, new, before, behind, ends):
    """The lines of a hunk, with ENDS lines at both ends of what is added, or all."""
    if not old and ends and len(new) > max(LONG, 2 * ends):
        new = new[:ends] + [ANY] + new[-ends:]
    return [" " + x for x in before] + ["-" + x for x in old] + ["+" + x for x in new] + \
        [" " + x for x in behind]


def joined(lines):
    return "".join(f"{line}\n" for line in lines)


def find_hunk(f, lines, want, place, old):
    """The shortest hunk that is found in LINES once, and makes WANT of them."""
    first, end = place
    for around in range(12):
        for before in range(around, -1, -1):
            for ends in (1, 2, 3, 0):
                hunk = hunk_of(old, lines[first:end], lines[max(0, first - before):first],
                               lines[end:end + around - before], ends)
                # Empty lines at its ends would not be seen.
                if not hunk[0].strip() or not hunk[-1].strip():
                    continue
                rule = Rule(f, "change", [f])
                rule.hunk = hunk
                try:
                    if series_rules.undo_change(rule, joined(lines)) == joined(want):
                        return rule
                except Error:
                    pass
    raise Error(f"{f}: no hunk for line {first + 1}")


def symbols(f, before, after):
    """The names at the top level of C that AFTER has and BEFORE has not, and what is left of
    AFTER without them."""
    def all_names(text):
        lines = text.splitlines()
        return [name for kind, first, end in series_rules.blocks(text)
                for name in sorted(series_rules.names(kind, "\n".join(lines[first:end])))]

    had, found = set(all_names(before)), []
    for name in dict.fromkeys(all_names(after)):
        if name in had:
            continue
        try:
            left = series_rules.undo_symbol(Rule(f, "symbol", [f, name]), after, name)
        except Error:
            continue
        if distance(before, left) < distance(before, after):
            found.append(name)
            after = left
    return found, after


def opcodes(old, new):
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [op for op in matcher.get_opcodes() if op[0] != "equal"]


def distance(a, b):
    return sum(j - i + m - k for _, i, j, k, m in opcodes(a.splitlines(), b.splitlines()))


def rules(f, before, after):
    """Rules for a file that both have."""
    found = []
    names = []
    if f.endswith((".c", ".h")):
        names, after = symbols(f, before, after)
    old, new = before.splitlines(), after.splitlines()
    # The last one is undone first.
    for _, i, j, k, m in reversed(opcodes(old, new)):
        want = new[:k] + old[i:j] + new[m:]
        found.append(find_hunk(f, new, want, (k, m), old[i:j]))
        new = want
    found.reverse()
    if names:
        found.append(Rule(f, "symbol", [f, *names]))
    return found


def text_of(rule):
    if rule.kind == "change":
        return "\n".join([f"change {rule.args[0]}", *(line.rstrip() if line == " " else line
                                                      for line in rule.hunk), ""])
    out, line = [], f"{rule.kind} {rule.args[0]}"
    for name in rule.args[1:]:
        if len(line) + len(name) > 90 and line.count(" ") > 1:
            out.append(line)
            line = f"{rule.kind} {rule.args[0]}"
        line += f" {name}"
    return "\n".join(out + [line])


def read_dir(directory):
    tree = {}
    for where, dirs, files in os.walk(directory):
        dirs[:] = [d for d in dirs if d != ".git"]
        for name in files:
            path = os.path.join(where, name)
            with open(path) as f:
                tree[os.path.relpath(path, directory)] = f.read()
    return tree


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    clean = sys.argv[1]
    before, after = map(read_dir, sys.argv[2:])
    changed = [f for f in sorted(after) if before.get(f) != after[f]]
    whole = [f for f in changed if before.get(f) == series.read(os.path.join(clean, f))]
    for f in whole:
        print(f"file {f}")
    for f in changed:
        if f in whole:
            continue
        try:
            found = rules(f, before[f], after[f])
            patch = series_rules.Patch(f, "", found)
            if series_rules.undo(patch, {f: after[f]}, {}, "") != {f: before[f]}:
                raise Error(f"{f}: these rules would not undo all of it")
            print("\n".join(map(text_of, found)))
        except Error as e:
            sys.exit(f"error: {e}")


if __name__ == "__main__":
    main()
