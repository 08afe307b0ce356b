# SPDX-License-Identifier: GPL-2.0
"""The rules that say which patch of a series has what, and how to undo a patch.

A patch of a series is a file: its subject, an empty line, its message, a line
"---", and rules.  The rules tell what the patch adds to the tree, so that undoing
them in the final tree gives the tree before it:

    file GLOB...            all that these files have and no later patch has
    patch NAME...           what patches/<version>/NAME does
    symbol FILE NAME...     what defines or declares these at the top level of C,
                            with the comment before it
    change FILE             as a hunk of a diff says that follows, without numbers

In a hunk, a line that is "[...]" behind its sign stands for any lines, and an empty
line is one that does not change; without lines that begin with " " or "-", the empty
lines around it are joined.  What is to be undone must be there exactly once: a rule
that no longer fits fails.  Lines that begin with "#" are comments.
"""
import fnmatch
import os
import re
import subprocess
import tempfile

ANY = "[...]"
RULES = ("file", "patch", "symbol", "change")


class Error(Exception):
    """What is wrong, for those who edit the rules."""


class Rule:
    def __init__(self, where, kind, args):
        self.where, self.kind, self.args = where, kind, args
        self.hunk = []

    def fail(self, why):
        raise Error(f"{self.where}: {self.kind} {' '.join(self.args)}: {why}")


class Patch:
    """A patch of a series: its name, its message, its rules."""

    def __init__(self, name, message, rules):
        self.name, self.message, self.rules = name, message, rules
        self.subject = message.split("\n", 1)[0]


def parse(name, text, path):
    """The Patch that TEXT describes, which was read from PATH."""
    message, dashes, rest = text.partition("\n---\n")
    if not dashes or not message.strip():
        raise Error(f"{path}: no message, or no line \"---\" behind it")
    rules, empty = [], []
    for n, line in enumerate(rest.splitlines(), message.count("\n") + 3):
        if line[:1] in ("+", "-", " "):
            if not rules or rules[-1].kind != "change":
                raise Error(f"{path}:{n}: a line of a hunk without \"change\"")
            rules[-1].hunk += empty + [line] if rules[-1].hunk else [line]
            empty = []
        elif not line:
            empty.append(" ")
        elif not line.startswith("#"):
            empty = []
            kind, *args = line.split()
            if kind not in RULES or not args:
                raise Error(f"{path}:{n}: no rule: {line}")
            rules.append(Rule(f"{path}:{n}", kind, args))
    return Patch(name, message.strip() + "\n", rules)


# What C has at its top level.

def strip_c(text):
    """TEXT with blanks for what is in comments and literals, so that places stay."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m[0])

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)


def blocks(text):
    """(kind, first line, line behind) of what is at the top level: a directive, code, or
    a comment."""
    lines, bare = text.splitlines(), strip_c(text).splitlines()
    i = 0
    while i < len(lines):
        first, depth = i, 0
        if not lines[i].strip():
            i += 1
            continue
        if bare[i].startswith("#"):
            while lines[i].endswith("\\"):
                i += 1
            i += 1
            yield "directive", first, i
        elif not bare[i].strip():
            while i < len(lines) and lines[i].strip() and not bare[i].strip():
                i += 1
            yield "comment", first, i
        else:
            while i < len(lines):
                line = bare[i].rstrip()
                i += 1
                if line.startswith("#"):
                    continue
                depth += sum(map(line.count, "({[")) - sum(map(line.count, ")}]"))
                if depth == 0 and (line.endswith((";", "}")) or line == ")"):
                    break
            yield "code", first, i


def names(kind, code):
    """What a block defines or declares."""
    if kind == "directive":
        return set(re.findall(r"^#\s*define\s+(\w+)", code))
    head = re.split(r"[={;]", strip_c(code), maxsplit=1)[0]
    if m := re.match(r"([A-Z][A-Z0-9_]*)\s*\(([^)]*)", head):
        return set(re.findall(r"\w+", m[2])[:2])
    if m := re.match(r"\s*(?:struct|enum|union)\s+(\w+)\s*$", head):
        return {m[1]}
    head = re.sub(r"__(?:releases|acquires|attribute__|printf|counted_by)\((?:[^()]|\([^()]*\))*\)", " ", head)
    if m := re.match(r"[^()]*?\(\s*\*\s*(\w+)", head):
        return {m[1]}
    head = head.split("(")[0].split("[")[0] if "(" in head or "[" in head else head
    last = [w for w in re.findall(r"\w+", head) if not w.startswith("__ro_after") and
            w not in ("__read_mostly", "__rcu", "__init")]
    if "," in head:
        return set(re.findall(r"(\w+)\s*(?:,|$)", re.sub(r"\s__\w+", "", head)))
    return set(last[-1:])


def without_lines(lines, first, end):
    """LINES without those, and without an empty line where two would meet."""
    before, after = lines[:first], lines[end:]
    if after and not after[0] and (not before or not before[-1]):
        after = after[1:]
    if not after:
        while before and not before[-1]:
            before = before[:-1]
    return before + after


def undo_symbol(rule, text, name):
    lines = text.splitlines()
    found, comment = [], None
    for kind, first, end in blocks(text):
        if kind == "comment":
            comment = first, end
            continue
        if name in names(kind, "\n".join(lines[first:end])):
            found.append((comment[0] if comment and comment[1] == first else first, end))
        comment = None
    if not found:
        rule.fail(f"there is no {name} at that point")
    for first, end in reversed(found):
        lines = without_lines(lines, first, end)
    return "\n".join(lines) + "\n"


def undo_change(rule, text):
    if not rule.hunk:
        rule.fail("no hunk")
    new, old, n = "", [], 0
    for line in rule.hunk:
        sign, rest = line[0], line[1:]
        if rest.strip() == ANY:
            if sign == "-":
                rule.fail(f"{ANY} in what was before")
            n += 1
            new += r"((?:.*\n)*?)"
            if sign == " ":
                old.append(n)
            continue
        if sign in " +":
            new += re.escape(rest + "\n")
        if sign in " -":
            old.append(rest + "\n")
    found = list(re.finditer("^" + new, text, re.M))
    if len(found) != 1:
        rule.fail(f"its new text is there {len(found)} times, and not once:\n" +
                  "\n".join(rule.hunk))
    m = found[0]
    if not old:
        first = text.count("\n", 0, m.start())
        return "\n".join(without_lines(text.splitlines(), first, first + m[0].count("\n"))) + "\n"
    return text[:m.start()] + "".join(m[x] if isinstance(x, int) else x for x in old) + \
        text[m.end():]


def undo_patch(rule, tree, path):
    """Take back what a patch of patches/ does."""
    if not os.path.exists(path):
        rule.fail(f"there is no {path}")
    with open(path) as f:
        files = re.findall(r"^\+\+\+ [^/\n]*/(\S+)", f.read(), re.M)
    with tempfile.TemporaryDirectory() as d:
        for f in files:
            if f not in tree:
                rule.fail(f"there is no {f} at that point")
            os.makedirs(os.path.dirname(os.path.join(d, f)), exist_ok=True)
            with open(os.path.join(d, f), "w") as out:
                out.write(tree[f])
        done = subprocess.run(["patch", "-R", "-p1", "--force", "--fuzz=0", "--no-backup-if-mismatch",
                               "-d", d, "-i", path], capture_output=True, text=True, check=False)
        if done.returncode:
            rule.fail(f"it can't be taken back:\n{done.stdout}")
        for f in files:
            try:
                with open(os.path.join(d, f)) as left:
                    tree[f] = left.read()
            except FileNotFoundError:
                del tree[f]


def undo(patch, tree, clean, patches):
    """The tree before PATCH, where TREE is the one behind it: {file: text}.  PATCHES is the
    directory of the kernel's patches."""
    tree = dict(tree)
    for rule in reversed(patch.rules):
        if rule.kind == "file":
            for glob in rule.args:
                changed = [f for f in fnmatch.filter(tree, glob) if tree[f] != clean.get(f)]
                if not changed:
                    rule.fail(f"nothing of {glob} is left for it")
                for f in changed:
                    if f in clean:
                        tree[f] = clean[f]
                    else:
                        del tree[f]
        elif rule.kind == "patch":
            for name in rule.args:
                undo_patch(rule, tree, os.path.join(patches, name))
        else:
            f, *symbols = rule.args
            if f not in tree:
                rule.fail("there is no such file at that point")
            if rule.kind == "change":
                tree[f] = undo_change(rule, tree[f])
            for name in symbols:
                tree[f] = undo_symbol(rule, tree[f], name)
    return tree
