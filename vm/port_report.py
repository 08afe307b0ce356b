#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tells what a release of the kernel would break.

    port_report.py nearest VERSION SUPPORTED...
        the supported version that is nearest to a kernel's
    port_report.py page TOP TREE VERSION PRISTINE STAGING
        what is different in the kernel TREE from the one in PRISTINE, of the supported
        version VERSION, for the repository TOP; STAGING is an empty directory

Nothing is built and the tree is only read.  How functions are compared is in port_names.py.
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import textwrap

import port_names

WIDTH = 100
OVERLAY = ("arch", "include", "mm")	# what of ours a kernel is built of
# Where patches add something that a kernel is not built of.
NOT_KERNEL = ("tools/", "Documentation/", "samples/")

# A file that a patch edits: its path, whether the patch makes it, its hunks.
Edit = collections.namedtuple("Edit", "path new hunks")
# One hunk: the line and function of its header, and its lines.
Hunk = collections.namedtuple("Hunk", "line function lines")
# How a patch applied: status, the largest offset, and lines about single hunks.
Applied = collections.namedtuple("Applied", "name status offset notes")


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def read_if_there(path):
    return read(path) if os.path.isfile(path) else ""


def full_version(tree):
    """(VERSION.PATCHLEVEL, the same with what follows) of a kernel's Makefile."""
    values = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=[ \t]*(\S*)",
                             read_if_there(os.path.join(tree, "Makefile")), re.M))
    short = f"{values.get('VERSION')}.{values.get('PATCHLEVEL')}"
    sub = values.get("SUBLEVEL", "0")
    return short, short + (f".{sub}" if sub not in ("", "0") else "") + values.get("EXTRAVERSION", "")


def distance_key(version):
    """A number for a version: since 4.0, after x.19 or x.20 comes the next x."""
    major, minor = (int(n) for n in version.split(".")[:2])
    return 20 * major + minor


def nearest(version, supported):
    """Of two that are as near, the newer one."""
    at = distance_key(version)
    return min(supported, key=lambda v: (abs(distance_key(v) - at), -distance_key(v)))


# Patches

def series(directory):
    return [name for name in (re.sub(r"\s*(#.*)?$", "", line) for line in
                              read_if_there(os.path.join(directory, "series")).splitlines()) if name]


def edits(text):
    """The files that a patch edits."""
    found, lines = [], text.split("\n")
    for i, line in enumerate(lines):
        if line.startswith("--- ") and i + 1 < len(lines) and lines[i + 1].startswith("+++ "):
            path = lines[i + 1][4:].split("\t")[0].split("/", 1)[1]
            found.append(Edit(path, line[4:].split("\t")[0] == "/dev/null", []))
            continue
        m = re.match(r"@@ -(\d+).*? @@ ?(.*)", line)
        if m and found:
            found[-1].hunks.append(Hunk(int(m[1]), m[2], []))
        elif found and found[-1].hunks and line[:1] in (" ", "+", "-") and not line.startswith(("--- ", "+++ ")):
            found[-1].hunks[-1].lines.append(line)
    return found


def run_patch(staging, patch, *options):
    """(whether it applied, what patch said)"""
    done = subprocess.run(["patch", "-p1", "--force", "--no-backup-if-mismatch", "--reject-file=-",
                           f"--directory={staging}", f"--input={patch}", *options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, env={**os.environ, "LC_ALL": "C"})
    return done.returncode == 0, done.stdout


def hunk_results(said):
    """(path, hunk, line, fuzz, offset, failed) of each hunk that patch speaks of."""
    path = ""
    for line in said.splitlines():
        m = re.match(r"(?:patching|checking) file '?(.+?)'?$", line)
        if m:
            path = m[1]
        m = re.match(r"Hunk #(\d+) (succeeded|FAILED) at (\d+)(?: with fuzz (\d+))?"
                     r"(?: \(offset (-?\d+) lines?\))?", line)
        if m:
            yield path, int(m[1]), int(m[3]), int(m[4] or 0), int(m[5] or 0), m[2] == "FAILED"


class Stage:
    """A directory with the files that patches edit; the tree itself stays as it is."""

    def __init__(self, tree, where):
        self.tree, self.where = tree, where

    def path(self, name):
        return os.path.join(self.where, name)

    def take(self, names, tree=None):
        for name in names:
            source = os.path.join(tree or self.tree, name)
            if os.path.isfile(source) and not os.path.exists(self.path(name)):
                os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
                shutil.copyfile(source, self.path(name))

    def keep(self, names):
        kept = {}
        for name in names:
            kept[name] = None
            if os.path.isfile(self.path(name)):
                with open(self.path(name), "rb") as f:
                    kept[name] = f.read()
        return kept

    def restore(self, kept):
        for name, content in kept.items():
            if content is not None:
                with open(self.path(name), "wb") as f:
                    f.write(content)
            elif os.path.exists(self.path(name)):
                os.remove(self.path(name))

    def apply(self, name, patch):
        """Apply a patch as far as it goes, so that the next ones find what they build on."""
        files = {e.path: e for e in edits(read(patch))}
        self.take(files)
        kept = self.keep(files)
        missing = [p for p, e in files.items() if kept[p] is None and not e.new]
        fits, said = run_patch(self.where, patch, "--fuzz=0")
        if fits and not missing:
            offset = max((abs(r[4]) for r in hunk_results(said)), default=0)
            return Applied(name, "offset" if offset else "clean", offset, [])
        self.restore(kept)
        if run_patch(self.where, patch, "--fuzz=0", "-R", "--dry-run")[0]:
            return Applied(name, "there already", 0, [])
        fits, said = run_patch(self.where, patch)
        notes = [f"There is no file {p}." for p in missing]
        for path, n, line, fuzz, _, failed in hunk_results(said):
            if failed or fuzz:
                notes.append(self.about(files.get(path), n, line, fuzz, failed,
                                        (kept.get(path) or b"").decode(errors="replace")))
        return Applied(name, "fuzz" if fits and not missing else "fails", 0, notes)

    @staticmethod
    def about(edit, n, line, fuzz, failed, text):
        hunk = edit.hunks[n - 1] if edit and n <= len(edit.hunks) else None
        where = f"hunk {n} of {edit.path if edit else '?'}, near line {line}"
        if hunk and re.search(r"\.[chS]$", edit.path):
            m = re.search(r"(\w+)\(|\b(?:struct|enum) (\w+)", hunk.function)
            where += f" (in {m[1] + '()' if m[1] else m[2]})" if m else ""
        if not failed:
            return f"{where}: only with fuzz {fuzz}"
        removed = [l[1:].strip() for l in hunk.lines if l[0] == "-" and l[1:].strip()] if hunk else []
        there = {l.strip() for l in text.split("\n")}
        if removed and not any(l in there for l in removed):
            return f"{where}: fails; what it takes away is not there any more"
        return f"{where}: fails"


def apply_series(top, version, tree, staging):
    """How each patch of a directory applies, those of bench/ on top."""
    directory = os.path.join(top, "patches", version)
    stage = Stage(tree, os.path.join(staging, f"tree-{version}"))
    os.makedirs(stage.where)
    results = [stage.apply(name, os.path.join(directory, name)) for name in series(directory)]
    bench = series(os.path.join(directory, "bench"))
    if bench:
        # They edit files of ours, too.
        ours = stage_overlay(top, version, staging)
        stage.take(overlay_files(ours), ours)
    return results + [stage.apply(f"bench/{name}", os.path.join(directory, "bench", name)) for name in bench]


def overlay_files(root):
    return sorted(os.path.relpath(os.path.join(base, n), root)
                  for part in OVERLAY for base, _, names in os.walk(os.path.join(root, part))
                  for n in names if re.search(r"\.[chS]$", n))


def stage_overlay(top, version, staging):
    """Our own files, as they are for this version."""
    where = os.path.join(staging, f"ours-{version}")
    if os.path.isdir(where):
        return where
    stage = Stage(top, where)
    os.makedirs(where)
    stage.take(overlay_files(top))
    directory = os.path.join(top, "patches", version, "overlay")
    for name in series(directory):
        fits, said = run_patch(where, os.path.join(directory, name), "--fuzz=0")
        if not fits:
            sys.exit(f"patches/{version}/overlay/{name} does not apply to the overlay.\n{said}")
    return where


def all_edits(top, version):
    directory = os.path.join(top, "patches", version)
    return [e for name in series(directory) for e in edits(read(os.path.join(directory, name)))]


def added_code(top, version):
    """What the patches add to C files and headers of the kernel, by path."""
    added = {}
    for edit in all_edits(top, version):
        if re.search(r"\.[chS]$", edit.path) and not edit.path.startswith(NOT_KERNEL):
            lines = [l[1:] for h in edit.hunks for l in h.lines if l[0] == "+"]
            added[edit.path] = added.get(edit.path, "") + "\n".join(lines) + "\n"
    return added


# Options

def kconfig(tree):
    """{option: {architecture, or nothing for all: whether it has a prompt}}"""
    options = {}
    for base, dirs, names in os.walk(tree):
        dirs[:] = [d for d in dirs if d not in (".git", "Documentation", "tools")]
        for name in names:
            if not name.startswith("Kconfig"):
                continue
            path = os.path.join(base, name)
            group, option = port_names.group_of(os.path.relpath(path, tree)), None
            for line in read(path).split("\n"):
                m = re.match(r"\s*(?:menu)?config\s+(\w+)", line)
                if m:
                    option = options.setdefault(m[1], {})
                    option.setdefault(group, False)
                elif option is not None and re.match(
                        r"\s+(?:bool|tristate|int|hex|string|prompt)\s+[\"']", line):
                    option[group] = True
                elif re.match(r"(?:choice|comment|menu|if|source|endmenu|endif)\b", line):
                    option = None
    return options


def fragments(top, version, supported):
    """(path, SRCARCH or nothing for all) of the configurations for this version."""
    ports = {}
    directory = os.path.join(top, "vm/arch")
    for name in sorted(os.listdir(directory)):
        m = re.search(r"^SRCARCH=(\w+)", read(os.path.join(directory, name)), re.M)
        if m:
            ports[name.removesuffix(".sh")] = m[1]
    directory = os.path.join(top, "vm/config")
    for name in sorted(os.listdir(directory)):
        stem = name.removesuffix(".config")
        if stem != name and not any(stem.endswith(f"-{v}") for v in supported if v != version):
            yield f"vm/config/{name}", ports.get(stem.split("-")[0], "")
    yield "tools/testing/selftests/trampfd/config", ""


def settings(text):
    for m in re.finditer(r"^(?:# CONFIG_(\w+) is not set|CONFIG_(\w+)=(.*))$", text, re.M):
        yield m[1] or m[2], "n" if m[1] else m[3]


class Options:
    """Of what configurations set and our code asks for: what the new tree does not have."""

    def __init__(self, top, version, supported, ours, old, new, arches):
        self.old, self.new, self.arches = kconfig(old), kconfig(new), arches
        self.gone, self.off, self.no_prompt = {}, set(), {}
        for path, arch in fragments(top, version, supported):
            for name, value in settings(read_if_there(os.path.join(top, path))):
                self.look(name, value, path, arch)
        for path, file in ours.files.items():
            for name in set(re.findall(r"\bCONFIG_(\w+)", port_names.without_comments(file.text))):
                self.look(name, "asked for", path, port_names.group_of(path))
        self.off -= set(self.gone)

    def has(self, options, name, arch):
        """Whether an architecture's kernel has it: None, or whether it has a prompt."""
        found = [p for group, p in options.get(name, {}).items() if group in ("", arch)]
        return any(found) if found else None

    def look(self, name, value, path, arch):
        for a in [arch] if arch else self.arches:
            old, new = self.has(self.old, name, a), self.has(self.new, name, a)
            if old is None:
                continue
            if new is None and value == "n":
                self.off.add(name)
            elif new is None:
                of = self.gone.setdefault(name, {})
                of.setdefault(path, set()).update([a] if not arch else [])
            elif old and not new and value not in ("n", "asked for"):
                self.no_prompt.setdefault(name, set()).add(path)


# Numbers

def our_numbers(top, version):
    """What our patches take: system calls by number, the ioctls' letter and range, the magic."""
    calls, ioctl, magic = {}, None, None
    for edit in all_edits(top, version):
        for line in (l[1:] for h in edit.hunks for l in h.lines if l[0] == "+"):
            m = re.match(r"(\d+)\s+\S+\s+(\w+)", line)
            if m and edit.path.endswith(".tbl"):
                calls[int(m[1])] = m[2]
            m = re.match(r"(0x[0-9A-Fa-f]+)\s+([0-9A-Fa-f]{2})-([0-9A-Fa-f]{2})\s", line)
            if m and edit.path.endswith("ioctl-number.rst"):
                ioctl = int(m[1], 16), int(m[2], 16), int(m[3], 16)
            m = re.match(r"#define\s+(\w+)\s+(0x[0-9A-Fa-f]+)", line)
            if m and edit.path.endswith("magic.h"):
                magic = m[1], int(m[2], 16)
    return calls, ioctl, magic


def call_tables(tree):
    found = []
    for part in ("arch", "scripts"):
        for base, dirs, names in os.walk(os.path.join(tree, part)):
            dirs[:] = [d for d in dirs if d not in ("boot", "configs", "crypto", "include", "mm", "lib")]
            found += [os.path.relpath(os.path.join(base, n), tree) for n in names
                      if re.match(r"syscall.*\.tbl$", n)]
    return sorted(found)


def check_calls(tree, calls, patched):
    """(whether all is well, sentence) of our system calls' numbers."""
    tables, taken, highest = call_tables(tree), [], {}
    for path in tables:
        for m in re.finditer(r"^(\d+)\s+(\S+)\s+(\w+)", read(os.path.join(tree, path)), re.M):
            if "trampfd" not in m[3]:
                highest[path] = max(highest.get(path, 0), int(m[1]))
                if int(m[1]) in calls:
                    taken.append(f"{m[1]} is {m[3]} in {path}")
    if not tables:
        yield False, "No table of system calls was found: look where they are now."
        return
    numbers = " and ".join(str(n) for n in sorted(calls))
    if taken:
        yield False, f"System calls: {numbers} are not free: {'; '.join(sorted(set(taken)))}."
    else:
        yield True, (f"System calls: {numbers} are free in all {len(tables)} tables. The highest number in "
                     f"use is {highest.get('scripts/syscall.tbl', max(highest.values(), default=0))}.")
    new = sorted(set(tables) - patched)
    if new:
        yield True, f"These tables are not in the patches: {', '.join(new)}."
    gone = sorted(p for p in patched if p not in tables)
    if gone:
        yield False, f"These tables are in the patches, and gone: {', '.join(gone)}."


def check_ioctl(tree, ioctl):
    path = "Documentation/userspace-api/ioctl/ioctl-number.rst"
    text = read_if_there(os.path.join(tree, path))
    if not text:
        return False, f"ioctls: there is no {path}: look where the list is now."
    letter, first, last = ioctl
    for m in re.finditer(r"^(?:0x([0-9A-Fa-f]+)|'(.)')\s+(?:([0-9A-Fa-f]{2})(?:-([0-9A-Fa-f]{2}))?|all)\s+(.*)",
                         text, re.M):
        if (int(m[1], 16) if m[1] else ord(m[2])) != letter or "trampfd" in m[5]:
            continue
        low, high = (int(m[3], 16), int(m[4] or m[3], 16)) if m[3] else (0, 255)
        if low <= last and first <= high:
            return False, f"ioctls: 0x{letter:X} is not free: \"{' '.join(m[0].split())}\"."
    return True, f"ioctls: 0x{letter:X} from {first:02X} to {last:02X} is free in {path}."


def check_magic(tree, magic):
    path = "include/uapi/linux/magic.h"
    text = read_if_there(os.path.join(tree, path))
    if not text:
        return False, f"File system's magic number: there is no {path}."
    name, number = magic
    for m in re.finditer(r"^#define\s+(\w+)\s+(0x[0-9A-Fa-f]+|\d+)\b", text, re.M):
        if int(m[2], 16 if m[2].startswith("0x") else 10) == number and m[1] != name:
            return False, f"File system's magic number: 0x{number:x} is {m[1]} in {path}."
    return True, f"File system's magic number: 0x{number:x} is free in {path}."


# The page

def paragraph(text, indent=""):
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent,
                         break_long_words=False, break_on_hyphens=False)


def wrap(text, indent):
    return textwrap.fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 4),
                         break_long_words=False, break_on_hyphens=False)


def listing(names):
    return paragraph(", ".join(names), "    ")


def heading(text):
    return f"\n{text}\n{'-' * len(text)}\n"


def plural(n, what):
    return f"{n} {what}{'' if n == 1 else 's'}"


def counts(results):
    n = collections.Counter(r.status for r in results)
    words = (("clean", "applies clean", "apply clean"), ("offset", "applies at other lines", "apply at other lines"),
             ("fuzz", "fits only with fuzz", "fit only with fuzz"), ("fails", "fails", "fail"),
             ("there already", "is there already", "are there already"))
    return (f"of {len(results)} patches " if len(results) != 1 else "of 1 patch ") + ", ".join(
        f"{n[status]} {one if n[status] == 1 else more}" for status, one, more in words if n[status])


def patches_section(version, results):
    yield heading(f"Patches of patches/{version}")
    yield paragraph(f"{counts(results)}.".replace("of", "Of", 1))
    groups = (("clean", "Clean:"),
              ("there already", "Not needed, or there already: the tree has what these would make of it:"))
    for status, text in groups:
        names = [r.name for r in results if r.status == status]
        if names:
            yield f"\n{text}\n{listing(names)}"
    moved = [f"{r.name} ({plural(r.offset, 'line')})" for r in results if r.status == "offset"]
    if moved:
        yield f"\nAt other lines, which needs no change:\n{listing(moved)}"
    for status, text in (("fuzz", "Only with fuzz. \"make apply\" refuses that, because a hunk that fits by "
                                  "chance is worse than one that does not. Look at each place, and refresh "
                                  "the patch:"),
                         ("fails", "These fail, and have to be carried over by hand:")):
        bad = [r for r in results if r.status == status]
        if bad:
            yield "\n" + paragraph(text)
        for result in bad:
            yield f"    {result.name}"
            yield from (wrap(note, 8) for note in result.notes)


def used_in(paths):
    more = f" and {len(paths) - 2} more" if len(paths) > 2 else ""
    return ", ".join(paths[:2]) + more


def declarations(version, lines):
    """Of one kernel; those that differ in names of parameters alone are printed once."""
    texts = {}
    # Headers first: it is their text that people look up.
    for line in sorted(lines, key=lambda l: not l.endswith(".h")):
        text, _, path = line.partition("\t")
        texts.setdefault(port_names.normal_type(text), (port_names.tidy(text), []))[1].append(path)
    for text, paths in list(texts.values())[:4]:
        yield wrap(f"{version}: {text}  [{used_in(paths)}]", 8)
    if len(texts) > 4:
        yield f"        {version}: and {len(texts) - 4} more"


def change_lines(change, old, new):
    arches = f" on {', '.join(change.arches)}" if change.arches else ""
    yield f"\n    {change.what}{arches}, used in {used_in(change.paths)}"
    yield from declarations(old, [l for l in change.old if l not in change.new] or change.old)
    yield from declarations(new, [l for l in change.new if l not in change.old])


def names_section(compared, headers, old, new):
    yield heading("What our files use of the kernel")
    yield paragraph(f"Compared by their declarations: {compared.same} functions, macros, constants, types and "
                    f"members are the same in {old} and {new}, changed: {len(compared.changed)}, "
                    f"gone: {len(compared.gone)}. What a function does may have changed all the same.")
    for changes, text in ((compared.changed, "Changed. Look at each place where our files use them:"),
                          (compared.gone, "Gone, or in no header any more that was looked at:")):
        if changes:
            yield f"\n{text}"
        for change in changes:
            yield from change_lines(change, old, new)
    if compared.tables:
        yield "\nTables of functions that have got members which ours may have to fill in:"
    for change in compared.tables:
        yield from change_lines(change, old, new)
    if headers:
        yield "\nIncluded headers that are gone:"
        yield from (f"    <{header}>, included in {path}" for header, path in headers)
    for names, text in ((compared.clashes, "The tree has got names that our files define themselves:"),
                        (compared.const_only, "Only const came or went, which a compiler finds where it matters:"),
                        (compared.bodies, "Macros with the same number of arguments, but another value or text, or "
                                          "a function in place of a macro; rarely of importance:"),
                        (compared.not_found, "In no header of either tree, so not compared (our own that macros make, "
                                             "words of assembly, or what a configuration makes):")):
        if names:
            yield "\n" + paragraph(text) + "\n" + listing(sorted(names))


def options_section(options, old, new):
    yield heading("Options")
    if not options.gone:
        yield paragraph(f"All options that our configurations set, and our code asks for, are in {new} if they "
                        f"are in {old}.")
    else:
        yield "These are gone. Where a configuration sets them, it can't be made:"
    for name, of in sorted(options.gone.items()):
        places = [path + (f" ({', '.join(sorted(arches))})" if arches and len(arches) < len(options.arches) else "")
                  for path, arches in sorted(of.items())]
        yield wrap(f"{name}, in {', '.join(places)}", 4)
    if options.no_prompt:
        yield "\n" + paragraph("These can no longer be set, as they have no prompt; others switch them on:")
        yield from (f"    {name}, in {', '.join(sorted(paths))}" for name, paths in sorted(options.no_prompt.items()))
    if options.off:
        yield "\nOur configurations switch these off, and they are gone, which does no harm:"
        yield listing(sorted(options.off))


def numbers_section(top, version, tree):
    yield heading("Numbers")
    calls, ioctl, magic = our_numbers(top, version)
    patched = {e.path for e in all_edits(top, version) if re.search(r"syscall.*\.tbl$", e.path)}
    found = list(check_calls(tree, calls, patched)) if calls else []
    found += [check_ioctl(tree, ioctl)] if ioctl else []
    found += [check_magic(tree, magic)] if magic else []
    for fine, text in found:
        yield paragraph(text if fine else f"LOOK: {text}")


def next_section(version, short, supported, refresh):
    yield heading("What to do next")
    begin = (f"Refresh the patches of patches/{version} that need it" if short == version else
             f"Copy patches/{version} to patches/{short}, and refresh there the patches that need it")
    if short in supported and short != version:
        begin = (f"There is a patches/{short} already, so there is nothing to do. Otherwise: "
                 + begin[0].lower() + begin[1:])
    yield paragraph(
        f"{begin}, with quilt for example: push each patch onto a copy of the tree, carry over what does "
        "not fit, \"quilt refresh\". A patch whose lines are gone from the tree may not be needed any more. Then "
        "look at each prototype that is changed or gone, where our files use it: what compiles may still be "
        "wrong. What only this version needs of our own files goes into a patch in "
        f"patches/{short}/overlay/ (a copied one is to be looked through), and what it needs of the "
        f"configuration into vm/config/<name>-{short}.config. "
        f"At last, \"make check KERNEL={short}\" builds it, boots it, and runs all tests.")
    if not refresh:
        yield "\n" + paragraph("No patch has to be refreshed: \"make apply\" would take them as they are.")


def page(top, tree, version, pristine, staging):
    supported = sorted((d for d in os.listdir(os.path.join(top, "patches")) if re.match(r"\d+\.\d+$", d)),
                       key=distance_key)
    short, full = full_version(tree)
    _, old = full_version(pristine)
    results = {v: apply_series(top, v, tree, staging) for v in supported}
    ours_at = stage_overlay(top, version, staging)
    paths = overlay_files(ours_at)
    arches = sorted({port_names.group_of(p) for p in paths} - {""})
    added = added_code(top, version)
    further = sorted({e.path for v in supported for e in all_edits(top, v)
                      if re.search(r"\.[ch]$", e.path) and not e.path.startswith(NOT_KERNEL)})
    kernels = [port_names.Kernel(root, arches, further, overlay_files(top) + paths) for root in (pristine, tree)]
    ours = port_names.Ours(ours_at, paths, added, kernels[0])
    compared = port_names.Comparison(ours, *kernels, arches)
    headers = list(port_names.missing_headers(ours, *kernels, arches))
    options = Options(top, version, supported, ours, pristine, tree, arches)
    refresh = sum(r.status in ("fuzz", "fails") for r in results[version])

    title = f"What Linux {full} would break in trampfd"
    yield f"{title}\n{'=' * len(title)}\n"
    yield paragraph(f"{tree} is Linux {full}. It is compared with Linux {old}, which trampfd is kept for "
                    f"(patches/{version})" + (": " if full == old else "; ") +
                    ("the tree is of this version itself." if short == version else
                     f"of {' and '.join(supported)}, this is "
                     + ("the nearest." if version == nearest(short, supported) else "the one that was asked for.")))
    if os.path.exists(os.path.join(tree, "mm/trampfd.c")):
        yield paragraph("trampfd is in this tree already, which blurs what follows: better take it as it was "
                        "before \"make apply\".")
    for v in supported:
        if v != version:
            yield paragraph(f"As to patches/{v}, {counts(results[v])}.")
    for v in [version] + [v for v in supported if v != version]:
        yield from patches_section(v, results[v])
    yield from names_section(compared, headers, old, full)
    yield from options_section(options, old, full)
    yield from numbers_section(top, version, tree)
    yield from next_section(version, short, supported, refresh)
    changed = {c.what for c in compared.changed + compared.gone + compared.tables}
    yield (f"\n{refresh} patches to refresh, {len(changed)} prototypes changed, "
           f"{len(options.gone)} options gone")


def main(args):
    if len(args) > 2 and args[0] == "nearest":
        print(nearest(args[1], args[2:]))
    elif len(args) == 6 and args[0] == "page":
        for text in page(*args[1:]):
            print(text)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
