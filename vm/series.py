#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes series of patches for a mailing list from the applied tree.

    series.py make SERIES CLEAN APPLIED FILES PATCHES REPO OUT
                            write the series to OUT, from a git repository that it
                            makes in REPO, with a tag for each patch
    series.py apply REPO CLEAN FILES OUT
                            apply what is in OUT to a repository that has the clean
                            FILES, with git am
    series.py steps OUT     print the tag and the subject of each patch

SERIES is a directory.  Its file "series" has the names of its series in the order in
which they apply, each of which is a directory with a file "series" that has the names
of its patches, a file for each of them (see series_rules.py), and "cover", with the
subject and the text of the cover letter.  FILES is a list of the files that APPLIED
has and CLEAN has not, or has differently.

The first series goes to OUT itself, the others to directories in it.

TRAMPFD_SERIES_PREFIX ("RFC"), TRAMPFD_SERIES_VERSION ("2") and TRAMPFD_SERIES_BASE (a
commit) of the environment are for the subjects of all mails, and for the line
"base-commit:" of the first mail of each series.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import textwrap

import series_rules
from series_rules import Error

NOBODY = "Your Name", "you@example.org"

# What a kernel's tree does not have, so its documentation must not speak of it.
NOT_IN_THE_KERNEL = re.compile(
    r"(?<![\w/.-])(?:patches|vm|man|clients|series|build)/|\bmake (?:check|run|bench|clients|further|series)\b"
    r"|\bNOT_PORTED\b|\btrampfd repository\b")


def read(path):
    """What a file has, or None if there is none."""
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return None


def names_in(path):
    text = read(path)
    if text is None:
        raise Error(f"{path} is missing")
    return [line for line in (line.split("#")[0].strip() for line in text.splitlines()) if line]


def message_of(patch, patches):
    """The message of a patch whose own is "as NAME": that of a patch of PATCHES."""
    if not (m := re.fullmatch(r"as (\S+)\n", patch.message)):
        return patch
    text = read(os.path.join(patches, m[1]))
    if text is None:
        raise Error(f"{patch.name}: there is no {m[1]}")
    return series_rules.Patch(patch.name, re.split(r"^(?:---|diff .*)$", text, maxsplit=1, flags=re.M)[0],
                              patch.rules)


def read_series(directory, patches_dir):
    """[(name of a series, its cover letter, [Patch])]"""
    all_series = []
    for name in names_in(os.path.join(directory, "series")):
        path = os.path.join(directory, name)
        patches = []
        for patch in names_in(os.path.join(path, "series")):
            text = read(os.path.join(path, patch))
            if text is None:
                raise Error(f"{path}/{patch} is missing")
            parsed = series_rules.parse(patch, text, os.path.join(path, patch))
            patches.append(message_of(parsed, patches_dir))
        unused = set(os.listdir(path)) - {"series", "cover"} - {p.name for p in patches}
        if unused:
            raise Error(f"{path}: not in its list: {' '.join(sorted(unused))}")
        all_series.append((name, read(os.path.join(path, "cover")), patches))
    return all_series


def read_tree(directory, files):
    tree = {f: read(os.path.join(directory, f)) for f in files}
    return {f: text for f, text in tree.items() if text is not None}


def steps(all_series, clean, applied, patches):
    """[(series, Patch, tree behind it)], in the order in which they apply"""
    tree, found = applied, []
    for name, _, of_series in reversed(all_series):
        for patch in reversed(of_series):
            before = series_rules.undo(patch, tree, clean, patches)
            if before == tree:
                raise Error(f"{name}/{patch.name}: it changes nothing")
            found.append((name, patch, tree))
            tree = before
    left = sorted(f for f in set(tree) | set(clean) if tree.get(f) != clean.get(f))
    if left:
        raise Error("no patch has this, or all of it: " + " ".join(left))
    return found[::-1]


def check_documentation(found, clean):
    """Each patch's documentation must name only what a kernel's tree can have."""
    before = clean
    for name, patch, tree in found:
        for f in sorted(tree):
            if "Documentation/" not in f or tree[f] == before.get(f):
                continue
            old = set(before.get(f, "").splitlines())
            for n, line in enumerate(tree[f].splitlines(), 1):
                if line not in old and (m := NOT_IN_THE_KERNEL.search(line)):
                    raise Error(f"{name}/{patch.name}: {f}:{n}: the kernel has no \"{m[0]}\"")
        before = tree


def mail_options():
    """(what subjects begin with, the commit that the series are for or None)"""
    prefix, version, base = (os.environ.get(f"TRAMPFD_SERIES_{x}", "")
                             for x in ("PREFIX", "VERSION", "BASE"))
    words = [prefix, "PATCH", version and f"v{version.removeprefix('v')}"]
    return " ".join(w for w in words if w), base or None


def add_base(directory, base):
    """To the first mail of a series, where git format-patch has it."""
    first = sorted(glob.glob(os.path.join(directory, "[0-9]*.patch")))[0]
    with open(first, "a") as out:
        out.write(f"\nbase-commit: {base}\n")


class Git:
    def __init__(self, directory):
        self.directory = directory
        self.env = dict(os.environ)
        self.who = tuple(self("config", f"user.{key}", check=False).strip() or nobody
                         for key, nobody in zip(("name", "email"), NOBODY))
        for role in ("AUTHOR", "COMMITTER"):
            self.env[f"GIT_{role}_NAME"], self.env[f"GIT_{role}_EMAIL"] = self.who

    def __call__(self, *args, check=True, **kw):
        done = subprocess.run(["git", *args], cwd=self.directory, env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kw)
        if check and done.returncode:
            raise Error(f"git {' '.join(args)}: {done.stderr or done.stdout}")
        return done.stdout

    def begin(self):
        self("init", "-q", "-b", "series")
        # The machine's own settings are not to change patches.
        for key, value in (("core.autocrlf", "false"), ("commit.gpgsign", "false"),
                           ("diff.noprefix", "false"), ("core.hooksPath", "/dev/null"),
                           ("format.signature", ""), ("core.abbrev", "12")):
            self("config", key, value)


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)


def write_tree(directory, before, after):
    for f in before:
        if f not in after:
            os.unlink(os.path.join(directory, f))
    for f, text in after.items():
        if before.get(f) == text:
            continue
        path = os.path.join(directory, f)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)


def modes(directory, applied_dir, tree):
    for f in tree:
        if os.access(os.path.join(applied_dir, f), os.X_OK):
            os.chmod(os.path.join(directory, f), 0o755)


def commit(git, message):
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-F", "-", input=message)


def cover_letter(path, text):
    """Put our text where git format-patch has left room."""
    subject, _, blurb = text.strip().partition("\n\n")
    letter = read(path)
    subject = "\n ".join(textwrap.wrap(subject, 65))
    letter = letter.replace("*** SUBJECT HERE ***", subject).replace("*** BLURB HERE ***", blurb)
    with open(path, "w") as out:
        out.write(letter)


def directory_of(out, name, first):
    return out if name == first else os.path.join(out, name)


def make(series_dir, clean_dir, applied_dir, list_file, patches, repo, out):
    files = [line.lstrip("/") for line in names_in(list_file)]
    clean, applied = read_tree(clean_dir, files), read_tree(applied_dir, files)
    all_series = read_series(series_dir, patches)
    found = steps(all_series, clean, applied, os.path.abspath(patches))
    check_documentation(found, clean)
    prefix, base_commit = mail_options()

    fresh(repo)
    git = Git(repo)
    git.begin()
    write_tree(repo, {}, clean)
    modes(repo, clean_dir, clean)
    commit(git, "clean\n")
    git("tag", "clean")
    before = clean
    for name, patch, tree in found:
        write_tree(repo, before, tree)
        modes(repo, applied_dir, tree)
        commit(git, f"{patch.message}\nSigned-off-by: {git.who[0]} <{git.who[1]}>\n")
        git("tag", f"{name}/{patch.name}")
        before = tree

    fresh(out)
    base, first = "clean", all_series[0][0]
    for name, cover, of_series in all_series:
        end = f"{name}/{of_series[-1].name}"
        directory = directory_of(out, name, first)
        git("format-patch", "-q", "--no-renames", "-N" if len(of_series) == 1 else "-n",
            f"--subject-prefix={prefix}",
            *(["--cover-letter"] if cover else []), "-o", os.path.abspath(directory), f"{base}..{end}")
        if cover:
            cover_letter(os.path.join(directory, "0000-cover-letter.patch"), cover)
        if base_commit:
            add_base(directory, base_commit)
        base = end
    with open(os.path.join(out, "order"), "w") as f:
        f.write("".join(f"{name}\n" for name, _, _ in all_series))
    with open(os.path.join(out, "steps"), "w") as f:
        f.write("".join(f"{name}/{patch.name}\t{patch.subject}\n" for name, patch, _ in found))
    report(found, git)


def report(found, git):
    """Say how large the patches are."""
    tag = "clean"
    for name, patch, _ in found:
        new = f"{name}/{patch.name}"
        stat = git("diff", "--shortstat", tag, new)
        lines = [re.search(rf"(\d+) {what}", stat) for what in ("insertion", "deletion")]
        print(f"{new}\t{' '.join(m[1] if m else '0' for m in lines)}\t{patch.subject}")
        tag = new


def patches_in(out):
    """The patches, in the order in which they apply."""
    order = names_in(os.path.join(out, "order"))
    return [p for name in order
            for p in sorted(glob.glob(os.path.join(directory_of(out, name, order[0]), "[0-9]*.patch")))
            if not p.endswith("0000-cover-letter.patch")]


def apply(repo, clean_dir, list_file, out):
    files = [line.lstrip("/") for line in names_in(list_file)]
    fresh(repo)
    git = Git(repo)
    git.begin()
    clean = read_tree(clean_dir, files)
    write_tree(repo, {}, clean)
    modes(repo, clean_dir, clean)
    commit(git, "clean\n")
    git("am", "-q", "--whitespace=nowarn", *(os.path.abspath(p) for p in patches_in(out)))


def print_steps(out):
    sys.stdout.write(read(os.path.join(out, "steps")))


def main():
    command = {"make": make, "apply": apply, "steps": print_steps}.get(" ".join(sys.argv[1:2]))
    if not command or len(sys.argv) - 2 != command.__code__.co_argcount:
        sys.exit(__doc__)
    try:
        command(*sys.argv[2:])
    except Error as e:
        sys.exit(f"error: {e}")


if __name__ == "__main__":
    main()
