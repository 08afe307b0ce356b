# SPDX-License-Identifier: GPL-2.0
"""What our files use of a kernel, and how two kernels declare it.

Nothing is built for it: ctags finds the declarations in headers, so that what a
configuration would leave out is seen as well, for all architectures at once.  Names
that macros put together (trace_x(), PageX()) are not to be found this way.
"""
import collections
import json
import os
import re
import subprocess

KEYWORDS = set("""auto break case char const continue default defined do double else enum extern
float for goto if inline int long register restrict return short signed sizeof static struct switch
typedef union unsigned void volatile while _Bool __asm__ asm typeof __typeof__ __attribute__ define
undef ifdef ifndef elif endif error include pragma __VA_ARGS__ __func__ __LINE__ __FILE__
_Static_assert static_assert __builtin_expect __aligned __packed""".split())
BASE_TYPES = {"int", "long", "unsigned", "char", "short", "signed", "void", "float", "double"}
# Of what begins with two underscores, these belong to a type; others are attributes.
TYPES_WITH_UNDERSCORES = re.compile(r"__(?:[us](?:8|16|32|64)|[lb]e(?:16|32|64)|kernel_\w+|poll_t|w?sum\w*"
                                    r"|user|rcu|percpu|iomem)$")
NOT_OF_TYPE = {"extern", "static", "inline", "asmlinkage", "noinline", "notrace", "noinstr", "noreturn",
               "fastcall", "register"}
TOKEN = re.compile(r"[A-Za-z_]\w*|->|\.\.\.|\d[\w.]*|\S")
# Headers of a kernel that our files may see, besides include/ and arch/*/include/.
FURTHER_HEADERS = ("mm", "kernel", "fs", "arch/{}/mm", "arch/{}/kernel")
# What drivers, sound and network see takes most of the time, and has names of its own.
PLACES = ("include/linux", "include/asm-generic", "include/vdso", "include/trace", "include/uapi/linux",
          "include/uapi/asm-generic", "include/ras", "arch/{}/include")
NOT_THERE = set("""generated config mfd platform_data soc usb mlx4 mlx5 iio mtd qed power regulator clk phy
spi i2c ssb bcma ceph sunrpc netfilter can amba soundwire fsl gpio pinctrl mmc media avf net input
surface_aggregator raid rtc reset remoteproc rpmsg events""".split())
# Macros that ctags has to know, or it takes them for functions, or does not see a struct.
EXPAND = ("DECLARE_BITMAP(name,bits)=unsigned long name[bits]", "context_lock_struct(name)=struct name",
          "context_lock_struct(name,...)=struct name", "DECLARE_FLEX_ARRAY(type,name)=type name[]",
          "DECLARE_PER_CPU(type,name)=extern type name")
# Those that ctags has to skip, or it loses what comes next.
SKIP = ",".join(f"{m}+" for m in """DEFINE_CLASS EXTEND_CLASS DEFINE_FREE DEFINE_GUARD DEFINE_GUARD_COND
DEFINE_LOCK_GUARD_0 DEFINE_LOCK_GUARD_1 DEFINE_LOCK_GUARD_1_COND DECLARE_LOCK_GUARD_0_ATTRS
DECLARE_LOCK_GUARD_1_ATTRS DECLARE_TRACEPOINT DECLARE_STATIC_CALL DECLARE_STATIC_KEY_FALSE
DECLARE_STATIC_KEY_TRUE DECLARE_STATIC_KEY_MAYBE""".split())

# Enumerators whose names a macro makes.
PASTED = {"DECLARE_VMA_BIT": "VMA_{}_BIT", "DECLARE_VMA_BIT_ALIAS": "VMA_{}_BIT"}

# key: what is compared; nargs: of functions, and of macros that have some; shown: what is
# printed; body: of macros
Decl = collections.namedtuple("Decl", "kind group key nargs shown body path")
# how: "name", "struct" or "member", whose name is (struct, member)
Use = collections.namedtuple("Use", "how name")


def without_comments(text):
    """C without comments, strings and the names of included files."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  lambda m: " " if m[0][0] == "/" else ' "" ', text, flags=re.S)
    return re.sub(r"^[ \t]*#[ \t]*include\b.*", "", text, flags=re.M)


def includes(text):
    return re.findall(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", text, re.M)


def is_attribute(token):
    return (token in NOT_OF_TYPE or token.startswith("__")
            and not TYPES_WITH_UNDERSCORES.match(token) and token.islower())


def normal_type(text):
    """A type as it is compared: without attributes, and without parameters' names."""
    kept, have_type, tag = [], False, False
    for token in TOKEN.findall(text):
        if is_attribute(token):
            continue
        if token == "," or token == "(" and kept and kept[-1] == ")":
            have_type = False
        elif token in ("struct", "union", "enum"):
            tag = True
        elif re.match(r"[A-Za-z_]", token) and token not in ("const", "volatile", "__user", "__rcu",
                                                             "__percpu", "__iomem"):
            if not tag and have_type and token not in BASE_TYPES:
                continue
            have_type, tag = True, False
        kept.append(token)
    text = re.sub(r"\( void \)", "( )", " ".join(kept))
    # ctags numbers what has no name.
    return re.sub(r"\b__anon\w+", "{}", text)


def typeref(tag):
    """ctags' "struct:file *" and "typename:int", as C has them."""
    kind, _, rest = tag.get("typeref", "").partition(":")
    text = rest if kind == "typename" else f"{kind} {rest}".strip()
    return re.sub(r"\b__(?!typeof)\w+ ?\([^()]*\) ?", "", text)


def struct_of(text):
    m = re.search(r"\b(?:struct|union) (\w+)", text)
    return m and m[1]


def run_ctags(root, files, kinds):
    out = subprocess.run(
        ["ctags", "--options=NONE", "--languages=C", "--language-force=C", f"--kinds-C={kinds}",
         "--fields=+nStkKsZ", "--output-format=json", "--sort=no", *(f"-D{e}" for e in EXPAND), "-I", SKIP,
         "-L", "-", "-f", "-"],
        cwd=root, input="\n".join(files), capture_output=True, text=True, errors="replace", check=True)
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith('{"_type": "tag"')]


def macro_body(lines, at):
    """The text of a macro that is defined in line `at`, counted from 1."""
    text = ""
    for line in lines[at - 1:at + 60]:
        text += line
        if not text.endswith("\\"):
            break
        text = text[:-1] + " "
    text = re.sub(r"/\*.*?\*/|/\*.*$", " ", text)
    text = re.sub(r"^\s*#\s*define\s+\w+(?:\([^)]*\))?", "", text)
    return " ".join(text.split())


def group_of(path):
    """The architecture whose file it is, or nothing."""
    m = re.match(r"arch/([^/]+)/", path)
    return m[1] if m else ""


def arguments(sig):
    return [p for p in sig.strip("() ").split(",") if p.strip() not in ("", "void")]


def tidy(text):
    """A declaration as people write it."""
    text = re.sub(r"\s+", " ", text).replace(" ,", ",").replace(",", ", ").replace(",  ", ", ")
    return re.sub(r"\* (?=[\w*])", "*", text).strip()


class Kernel:
    """The declarations of a tree.  `without`: paths that are ours, if it has them."""

    def __init__(self, root, arches, further=(), without=()):
        self.root, self.decls, self.structs, self.members = root, {}, {}, {}
        without = set(without)
        files = [f for f in self.headers(arches) if f not in without]
        files += [f for f in further if f not in files and os.path.isfile(os.path.join(root, f))]
        lines = {}
        for tag in run_ctags(root, sorted(files), "+px"):
            path, kind = tag["path"], tag["kind"]
            if kind == "macro" and path not in lines:
                with open(os.path.join(root, path), errors="replace") as f:
                    lines[path] = f.read().split("\n")
            self.add(tag, lines.get(path))

    def headers(self, arches):
        for place in sorted({p.format(a) for p in PLACES for a in arches}):
            for base, dirs, names in os.walk(os.path.join(self.root, place)):
                dirs[:] = [d for d in dirs if d not in NOT_THERE
                           and not (d.startswith("mach-") and d != "mach-generic")]
                for name in names:
                    if name.endswith(".h"):
                        yield os.path.relpath(os.path.join(base, name), self.root)
        for place in sorted({p.format(a) for p in FURTHER_HEADERS for a in arches}):
            full = os.path.join(self.root, place)
            if os.path.isdir(full):
                yield from (f"{place}/{n}" for n in os.listdir(full) if n.endswith(".h"))

    def add(self, tag, lines):
        name, kind, path = tag["name"], tag["kind"], tag["path"]
        group, body, nargs = group_of(path), "", None
        if kind == "member":
            scope = [s for s in tag.get("scope", "").split("::") if not s.startswith("__anon")]
            if scope:
                self.members.setdefault(scope[-1], {}).setdefault(name, {}).setdefault(
                    normal_type(typeref(tag)), (typeref(tag), path))
            return
        if kind in ("struct", "union", "enum"):
            self.structs.setdefault(name, set()).add(group)
            return
        if kind in ("function", "prototype"):
            sig, shown, kind = tag.get("signature", "()"), typeref(tag), "function"
            key = normal_type(shown)
            # What is no declaration, but looks like one to ctags.
            if key in ("", "const") or re.search(r"\((?!\s*\*)|assert", key):
                return
            key = f"{key} {normal_type(sig)}"
            nargs = len(arguments(normal_type(sig)))
            shown = f"{shown} {name}{sig}"
        elif kind == "macro":
            body, sig = macro_body(lines, tag["line"]), tag.get("signature")
            if body == name:	# only tells that there is such a function
                return
            shown, key = f"#define {name}{sig or ''}", "constant"
            if sig is not None:
                nargs = len(arguments(sig))
                key = f"macro of {nargs}{' or more' if '...' in sig else ''}"
        elif kind == "enumerator":
            if name in PASTED:
                m = re.search(r"\(\s*(\w+)", tag["pattern"])
                name = PASTED[name].format(m[1] if m else "")
            key, shown = "constant", f"enumerator {name}"
        elif kind in ("typedef", "variable", "externvar"):
            shown = typeref(tag)
            kind = "typedef" if kind == "typedef" else "variable"
            key = f"{kind} {normal_type(shown)}"
            shown = f"{'typedef ' * (kind == 'typedef')}{shown} {name}"
        else:
            return
        self.decls.setdefault(name, []).append(Decl(kind, group, key, nargs, tidy(shown), body, path))

    def visible(self, name, arch, depth=0):
        """What files of `arch` see.  A macro that only passes its arguments on to a function
        is seen as this function: what it returns is what its users get."""
        found = []
        decls = [d for d in self.decls.get(name, ()) if d.group in ("", arch)]
        if name.startswith("__") and any(d.kind == "macro" for d in decls):
            # An attribute: what else has this name is a declaration that it is part of.
            decls = [d for d in decls if d.kind == "macro"]
        for decl in decls:
            to = self.passes_on(decl) if decl.kind == "macro" else None
            behind = self.visible(to, arch, depth + 1) if to and to != name and depth < 3 else []
            found += [d for d in behind if d.kind == "function"] or [decl]
        return found

    @staticmethod
    def passes_on(decl):
        m = re.match(r"(?:\w*alloc_hooks ?\( ?)?\(?(\w+)(?: ?\(([^()]*)\))?\)*$", decl.body)
        if not m:
            return None
        params = re.search(r"\((.*)\)$", decl.shown)
        params = [p.strip() for p in params[1].split(",")] if params else None
        args = m[2] and [a.strip() for a in m[2].split(",")]
        if params == args or args == ["__VA_ARGS__"]:
            return m[1]
        return None


class OurFile:
    """A file of ours, or the lines that a patch adds to one of the kernel's."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.tokens = TOKEN.findall(without_comments(text))
        self.locals, self.called = set(), set()
        self.types = {}		# of variables: the structs that they are, or point to
        self.globals, self.declared = {}, set()

    def learn(self, tag):
        """What ctags says about it: its local names, and of what type variables are."""
        if tag["kind"] in ("local", "parameter", "label", "macroparam"):
            self.locals.add(tag["name"])
        elif tag["kind"] in ("function", "macro", "variable", "enumerator", "typedef", "struct"):
            self.globals[tag["name"]] = tag["kind"]
        elif tag["kind"] in ("prototype", "externvar", "union", "enum", "member"):
            self.declared.add(tag["name"])
        if tag["kind"] in ("local", "parameter", "variable", "externvar"):
            struct = struct_of(typeref(tag))
            if struct:
                self.types.setdefault(tag["name"], set()).add(struct)

    def names(self):
        """Of functions, macros, constants, types and structs."""
        before = ""
        for i, token in enumerate(self.tokens):
            if re.match(r"[A-Za-z_]\w*$", token) and token not in KEYWORDS:
                if before in ("struct", "union", "enum"):
                    yield Use("struct", token)
                elif before not in ("->", ".") and token not in self.locals:
                    if self.tokens[i + 1:i + 2] == ["("] or token.isupper():
                        self.called.add(token)
                    yield Use("name", token)
            before = token

    def close(self, at, opening, closing):
        """Behind the bracket that belongs to the one at `at`."""
        depth = 0
        for i in range(at, len(self.tokens)):
            depth += (self.tokens[i] == opening) - (self.tokens[i] == closing)
            if depth == 0:
                return i + 1
        return len(self.tokens)

    def initialised(self):
        """(struct, members) of each "struct x y = { .member = ... }"."""
        t = self.tokens
        for i, token in enumerate(t):
            if token != "struct" or i + 2 >= len(t):
                continue
            end = i + 2
            while end < len(t) and (re.match(r"\w|[*\[\])]", t[end]) or t[end] == "="):
                end += 1
            if end >= len(t) or t[end] != "{" or t[end - 1] not in ("=", ")"):
                continue
            stop, members, depth = self.close(end, "{", "}"), set(), 0
            array = "]" in t[i:end]
            for j in range(end, stop):
                depth += (t[j] == "{") - (t[j] == "}")
                if t[j] == "." and t[j - 1] in "{," and depth == 1 + array:
                    members.add(t[j + 1])
            yield t[i + 1], members

    def accesses(self, kernel, own):
        """(struct, member) of each x->a.b whose types are known."""
        t = self.tokens
        for i, token in enumerate(t):
            if not re.match(r"[A-Za-z_]", token) or token in KEYWORDS or i and t[i - 1] in ("->", "."):
                continue
            at = i + 1
            if at < len(t) and t[at] == "(":
                at = self.close(at, "(", ")")
                structs = {struct_of(d.shown.split(token)[0]) for d in kernel.decls.get(token, ())
                           if d.kind == "function"}
            elif token == "current":
                structs = {"task_struct"}
            else:
                structs = self.types.get(token, set())
            while structs:
                while at < len(t) and t[at] == "[":
                    at = self.close(at, "[", "]")
                if at + 1 >= len(t) or t[at] not in ("->", "."):
                    break
                member, following = t[at + 1], set()
                for struct in structs:
                    if not struct:
                        continue
                    if struct in kernel.members:
                        yield struct, member
                    for kinds in (kernel.members, own):
                        following |= {struct_of(shown) for shown, _ in
                                      kinds.get(struct, {}).get(member, {}).values()}
                structs, at = following, at + 2


class Ours:
    """All our files of a directory, and what they use.  `added`: path and text of what
    patches add to files of the kernel `base`."""

    def __init__(self, root, paths, added, base):
        self.files = {}
        for path in paths:
            with open(os.path.join(root, path), errors="replace") as f:
                self.files[path] = OurFile(path, f.read())
        for path, text in added.items():
            self.files[path] = OurFile(path, text)
            self.files[path].declared.update(
                re.findall(r"^(?:#\s*define|[a-z_][\w \t*]*?)\s+\*?(\w+)\(", text, re.M))
        self.members = {}
        self.learn(root, paths, own=True)
        self.learn(base.root, [p for p in added if os.path.isfile(os.path.join(base.root, p))])
        self.uses = {}		# Use: paths
        self.tables = {}	# structs that our files fill in: paths
        for path, file in self.files.items():
            found = set(file.names())
            for struct, members in file.initialised():
                self.tables.setdefault(struct, set()).add(path)
                found |= {Use("member", (struct, m)) for m in members}
            found |= {Use("member", a) for a in file.accesses(base, self.members)}
            for use in found:
                self.uses.setdefault(use, set()).add(path)
        self.defined = {name: path for path in paths for name in self.files[path].globals}
        self.declared = {name for file in self.files.values() for name in file.declared}

    def learn(self, root, paths, own=False):
        for tag in run_ctags(root, paths, "+pxlzLD"):
            self.files[tag["path"]].learn(tag)
            if tag["kind"] == "member" and own:
                scope = tag.get("scope", "").split("::")
                self.members.setdefault(scope[-1], {}).setdefault(tag["name"], {})[
                    normal_type(typeref(tag))] = (typeref(tag), tag["path"])


# Old and new: lists of text; arches: empty if it is so for all.
Change = collections.namedtuple("Change", "what old new arches paths")


def without_const(key):
    return re.sub(r"\bconst ", "", key)


class Comparison:
    """Of what `ours` uses, in the kernels `old` and `new`."""

    def __init__(self, ours, old, new, arches):
        self.ours, self.old, self.new, self.arches = ours, old, new, arches
        self.changed, self.gone, self.tables = [], [], []
        self.const_only, self.bodies, self.not_found, self.clashes = set(), set(), set(), set()
        self.same = 0
        for use, paths in sorted(ours.uses.items(), key=lambda u: (u[0].how, u[0].name)):
            getattr(self, f"compare_{use.how}")(use.name, sorted(paths))
        for struct, paths in sorted(ours.tables.items()):
            self.compare_table(struct, sorted(paths))
        for name, path in ours.defined.items():
            self.look_for_clash(name, path)

    def seen_from(self, paths):
        """The architectures whose kernels have one of these files."""
        groups = {group_of(p) for p in paths}
        return self.arches if "" in groups else sorted(groups)

    def compare_name(self, name, paths):
        verdicts = {}
        seen_from = self.seen_from(paths)
        for arch in seen_from:
            old, new = self.old.visible(name, arch), self.new.visible(name, arch)
            verdict = self.verdict(old, new)
            verdicts.setdefault((verdict, *(tuple(sorted({f"{d.shown}\t{d.path}" for d in decls}))
                                            if verdict in ("changed", "gone") else ()
                                            for decls in (old, new))), []).append(arch)
        kinds = {v[0] for v in verdicts}
        for (verdict, old, new), arches in sorted(verdicts.items()):
            if verdict in ("changed", "gone"):
                change = Change(name, old, new, arches if len(arches) < len(seen_from) else [], paths)
                getattr(self, verdict).append(change)
        if kinds & {"changed", "gone"}:
            return
        if "const" in kinds:
            self.const_only.add(name)
        elif "body" in kinds:
            self.bodies.add(name)
        elif "same" in kinds:
            self.same += 1
        elif "new" not in kinds and name not in self.ours.defined and name not in self.ours.declared \
                and not re.match(r"CONFIG_|.*trampfd", name, re.I) \
                and any(name in self.ours.files[p].called for p in paths):
            self.not_found.add(name)

    @staticmethod
    def verdict(old, new):
        if not old:
            return "new" if new else "not found"
        if not new:
            return "gone"
        before, after = {d.key for d in old}, {d.key for d in new}
        files = {d.path for d in old}
        # What came in a file that did not have the name, beside what was there, is another.
        if {(d.key, d.path) for d in old} <= {(d.key, d.path) for d in new}:
            after = {d.key for d in new if d.path in files}
        if not after <= before:
            if {without_const(k) for k in after} <= {without_const(k) for k in before}:
                return "const"
            if all(d.key in before or d.key not in after or Comparison.other_form(d, old) for d in new):
                return "body"
            return "changed"
        if {d.body for d in new if d.body and d.key in after} - {d.body for d in old if d.body}:
            return "body"
        return "same"

    @staticmethod
    def other_form(decl, old):
        """Whether there was a macro where a function is now, or the other way round."""
        forms = {(d.kind, d.nargs) for d in old}
        return decl.nargs is not None and (
            decl.kind == "macro" and ("function", decl.nargs) in forms
            or decl.kind == "function" and ("macro", decl.nargs) in forms
            and not any(kind == "function" for kind, _ in forms))

    def compare_struct(self, name, paths):
        # Many are only named; what matters is whether there still is such a thing.
        if name in self.old.structs and name not in self.new.structs:
            self.gone.append(Change(f"struct {name}", (), (), [], paths))
        elif name in self.old.structs:
            self.same += 1

    def compare_member(self, name, paths):
        struct, member = name
        old = self.old.members.get(struct, {}).get(member)
        if not old or struct not in self.new.structs:
            return
        new = self.new.members.get(struct, {}).get(member)
        what = f"struct {struct}: {member}"
        shown = [tuple(sorted(f"{text}\t{path}" for text, path in (types or {}).values()))
                 for types in (old, new)]
        if not new:
            self.gone.append(Change(what, *shown, [], paths))
        elif not {without_const(k) for k in new} <= {without_const(k) for k in old}:
            self.changed.append(Change(what, *shown, [], paths))
        elif not set(new) <= set(old):
            self.const_only.add(what)
        else:
            self.same += 1

    def compare_table(self, struct, paths):
        """What a table of functions has got that ours might have to fill in."""
        old, new = self.old.members.get(struct), self.new.members.get(struct)
        if not old or not new:
            return
        functions = sum(any("(*)" in text for text, _ in types.values()) for types in new.values())
        added = [f"{m}: {text}\t{path}" for m in new if m not in old for text, path in [min(new[m].values())]]
        if added and 2 * functions >= len(new):
            self.tables.append(Change(f"struct {struct}", (), tuple(added), [], paths))

    def look_for_clash(self, name, path):
        arch = group_of(path)
        kinds = [("structs" if self.ours.files[path].globals[name] == "struct" else "decls")]
        for kind in kinds:
            old, new = getattr(self.old, kind).get(name), getattr(self.new, kind).get(name)
            if kind == "decls":
                old, new = ([d for d in found or () if d.group in ("", arch) or not arch]
                            for found in (old, new))
            if new and not old:
                self.clashes.add(name)


def missing_headers(ours, old, new, arches):
    """(header, path of ours) of those that the old tree has and the new one has not."""
    for path, file in sorted(ours.files.items()):
        for header in includes(file.text):
            for arch in [group_of(path)] if group_of(path) else arches:
                places = [f"include/{header}", f"include/uapi/{header}", f"arch/{arch}/include/{header}",
                          f"arch/{arch}/include/uapi/{header}", header.replace("asm/", "include/asm-generic/", 1),
                          header.replace("asm/", "include/uapi/asm-generic/", 1)]
                has = [any(os.path.isfile(os.path.join(root, p)) for p in places)
                       for root in (old.root, new.root)]
                if has == [True, False]:
                    yield header, path
                    break
