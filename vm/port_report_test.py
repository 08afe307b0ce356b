#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes two small kernels and plants changes in one, and checks that port_report.py finds
them."""
import os
import re
import subprocess
import tempfile
import textwrap
import unittest
import unittest.mock

import port_names
import port_report

# What 1.5 has; 1.7 is the same but for what a test plants.
KERNEL = {
    "Makefile": "VERSION = 1\nPATCHLEVEL = 5\nSUBLEVEL = 0\nEXTRAVERSION =\n",
    "include/linux/slab.h": """\
        #define alloc_hooks(call) ({ call; })
        int cache_alloc_bulk_noprof(struct cache *s, gfp_t flags, size_t size,
                                    void **p);
        #define cache_alloc_bulk(...) \\
                alloc_hooks(cache_alloc_bulk_noprof(__VA_ARGS__))
        extern void __must_check *kmalloc(size_t size, gfp_t flags) __assume_aligned;
        static inline void kfree(const void *p) { }
        """,
    "include/linux/mm.h": """\
        struct mutex { long owner; };
        struct mm_struct { struct mutex lock; unsigned long total; };
        struct vm_area_struct {
                union { unsigned long vm_start; long other; };
                struct mm_struct *vm_mm;
        };
        struct vm_operations_struct {
                void (*close)(struct vm_area_struct *vma);
                int (*mprotect)(struct vm_area_struct *vma, unsigned long start);
        };
        #define PAGE_SIZE 4096
        #define page_of(mm, addr) ((mm)->total + (addr))
        #define VM_READ 1
        unsigned long get_area(struct mm_struct *mm, unsigned long addr);
        """,
    "arch/riscv/include/asm/hwcap.h": "#define RISCV_ISA_EXT_c 2\n",
    "arch/s390/include/asm/ptrace.h": "#define user_mode(regs) ((regs)->psw & 1)\n",
    "Kconfig": "config SMP\n\tbool \"SMP\"\n\nconfig PREEMPT\n\tbool \"Preempt\"\n\nconfig NET\n\tbool \"net\"\n",
    "arch/s390/Kconfig": "config COMPAT\n\tdef_bool y\n\tprompt \"31 bits\"\n",
    "arch/riscv/Kconfig": "config COMPAT\n\tbool \"32 bits\"\n",
    "scripts/syscall.tbl": "0\tcommon\tio_setup\tsys_io_setup\n462\tcommon\tmseal\tsys_mseal\n",
    "arch/s390/kernel/syscalls/syscall.tbl": "1  common\texit\tsys_exit\tsys_exit\n",
    "Documentation/userspace-api/ioctl/ioctl-number.rst":
        "0xC0  00-0F  linux/usb/iowarrior.h\n0xC7  10-1F  linux/other.h\n0xCA  00-0F  uapi/misc/cxl.h\n",
    "include/uapi/linux/magic.h": "#define ADFS_SUPER_MAGIC 0xadf5\n#define DEVMEM_MAGIC 0x454d444d /* \"DMEM\" */\n",
    "mm/mmap.c": "".join(f"line {n}\n" for n in range(1, 60)),
}

OURS = {
    "mm/trampfd.c": """\
        #include <linux/slab.h>
        #include <linux/mm.h>
        /* Not used: gone_function() */
        static void trampfd_close(struct vm_area_struct *vma)
        {
                unsigned long kfree_me = vma->vm_mm->total;

                vma->vm_start += PAGE_SIZE + kfree_me;
                page_of(vma->vm_mm, kfree_me);
        }
        const struct vm_operations_struct trampfd_vm_ops = {
                .close = trampfd_close,
        };
        int trampfd_fill(struct cache *c, void **p)
        {
                struct mutex *own;
                long addr = get_area(current->mm, VM_READ);

                kfree(kmalloc(10, 0));
                return cache_alloc_bulk(c, 0, 64, p);
        }
        """,
    "arch/riscv/include/asm/trampfd.h": "static inline int trampfd_c(void) { return has(RISCV_ISA_EXT_c); }\n",
    "arch/s390/mm/trampfd.c": "int trampfd_user(struct pt_regs *regs) { return user_mode(regs); }\n",
    "vm/arch/s390x.sh": "SRCARCH=s390\n",
    "vm/config/base.config": "CONFIG_SMP=y\n# CONFIG_NET is not set\n",
    "vm/config/base-1.5.config": "CONFIG_PREEMPT=y\n",
    "vm/config/base-3.0.config": "CONFIG_NEVER=y\n",
    "vm/config/s390x.config": "CONFIG_COMPAT=y\n",
    "patches/1.5/series": "numbers.patch  # first\nmmap.patch\n",
    "patches/3.0/series": "mmap.patch\n",
    "patches/1.5/numbers.patch": """\
        a reason
        ---
        --- a/scripts/syscall.tbl
        +++ b/scripts/syscall.tbl
        @@ -1,2 +1,4 @@
         0\tcommon\tio_setup\tsys_io_setup
         462\tcommon\tmseal\tsys_mseal
        +600\tcommon\ttrampfd_create\tsys_trampfd_create
        +601\tcommon\ttrampfd_control\tsys_trampfd_control
        --- a/Documentation/userspace-api/ioctl/ioctl-number.rst
        +++ b/Documentation/userspace-api/ioctl/ioctl-number.rst
        @@ -1,2 +1,3 @@
         0xC0  00-0F  linux/usb/iowarrior.h
        +0xC7  00-0F  linux/trampfd.h
         0xC7  10-1F  linux/other.h
        --- a/include/uapi/linux/magic.h
        +++ b/include/uapi/linux/magic.h
        @@ -1,2 +1,3 @@
         #define ADFS_SUPER_MAGIC 0xadf5
        +#define TRAMPFD_MAGIC 0x54524d50
         #define DEVMEM_MAGIC 0x454d444d /* "DMEM" */
        """,
}
MMAP = """\
--- a/mm/mmap.c
+++ b/mm/mmap.c
@@ -20,7 +20,7 @@ int dup_mmap(struct mm_struct *mm)
 line 20
 line 21
 line 22
-line 23
+line 23, ours
 line 24
 line 25
 line 26
"""
OURS["patches/1.5/mmap.patch"] = OURS["patches/3.0/mmap.patch"] = MMAP


def write(root, files):
    for path, text in files.items():
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text))


class PortReportTest(unittest.TestCase):

    def report(self, edits=(), files=(), ours=()):
        """The page for a kernel 1.7: `edits` are (path, old, new), `files` replace whole ones,
        or remove them."""
        new = {**KERNEL, **dict(files)}
        new = {p: t for p, t in new.items() if t is not None}
        new["Makefile"] = new["Makefile"].replace("= 5", "= 7")
        for path, before, after in edits:
            self.assertIn(before, new[path])
            new[path] = new[path].replace(before, after)
        with tempfile.TemporaryDirectory() as top:
            write(f"{top}/ours", {**OURS, **dict(ours)})
            write(f"{top}/old", KERNEL)
            write(f"{top}/new", new)
            os.mkdir(f"{top}/stage")
            page = "\n".join(port_report.page(f"{top}/ours", f"{top}/new", "1.5", f"{top}/old", f"{top}/stage"))
            # It must not change the tree.
            left = {os.path.relpath(os.path.join(base, n), f"{top}/new")
                    for base, _, names in os.walk(f"{top}/new") for n in names}
            self.assertEqual(left, set(new))
            for path in new:
                self.assertEqual(port_report.read(f"{top}/new/{path}"), textwrap.dedent(new[path]))
        # Lines are filled; tests look for sentences.
        return re.sub(r"\s+", " ", page)

    def assert_total(self, page, patches, prototypes, options):
        self.assertTrue(page.endswith(f" {patches} patches to refresh, {prototypes} prototypes changed, "
                                      f"{options} options gone"), page[-200:])

    def test_nothing(self):
        page = self.report()
        self.assert_total(page, 0, 0, 0)
        self.assertIn("is Linux 1.7. It is compared with Linux 1.5", page)
        self.assertIn("of 1.5 and 3.0, this is the nearest", page)
        self.assertIn("As to patches/3.0, of 1 patch 1 applies clean.", page)
        self.assertIn("Clean: numbers.patch, mmap.patch", page)
        self.assertIn("600 and 601 are free in all 2 tables. The highest number in use is 462.", page)
        self.assertIn("0xC7 from 00 to 0F is free", page)
        self.assertIn("0x54524d50 is free", page)
        self.assertIn("not in the patches: arch/s390/kernel/syscalls/syscall.tbl.", page)
        self.assertNotIn("LOOK", page)

    # What a function returns, behind a macro that only passes its arguments on.
    def test_return_type(self):
        page = self.report([("include/linux/slab.h", "int cache_alloc_bulk_noprof", "bool cache_alloc_bulk_noprof")])
        self.assert_total(page, 0, 1, 0)
        self.assertIn("cache_alloc_bulk, used in mm/trampfd.c 1.5: int cache_alloc_bulk_noprof(struct cache *s,", page)
        self.assertIn("1.7: bool cache_alloc_bulk_noprof(struct cache *s, gfp_t flags", page)

    def test_lost_argument(self):
        page = self.report([("include/linux/mm.h", "get_area(struct mm_struct *mm, ", "get_area(")])
        self.assert_total(page, 0, 1, 0)
        self.assertIn("1.7: unsigned long get_area(unsigned long addr)", page)

    def test_macro_arguments(self):
        page = self.report([("include/linux/mm.h", "page_of(mm, addr)", "page_of(mm, addr, len)")])
        self.assert_total(page, 0, 1, 0)
        self.assertIn("1.7: #define page_of(mm, addr, len)", page)

    def test_not_changed(self):
        page = self.report([
            # names of arguments, attributes, lines, and functions that nobody calls
            ("include/linux/mm.h", "get_area(struct mm_struct *mm, unsigned long addr)",
             "\n get_area(struct mm_struct *other,\n unsigned long)"),
            ("include/linux/slab.h", "extern void __must_check *kmalloc", "void *__malloc kmalloc"),
            ("include/linux/slab.h", "struct cache", "struct cache "),
            ("include/linux/mm.h", "struct vm_operations_struct {",
             "int gone_function(int);\nstruct vm_operations_struct {"),
        ])
        self.assert_total(page, 0, 0, 0)

    def test_gone(self):
        page = self.report(files={"arch/riscv/include/asm/hwcap.h": "#define RISCV_ISA_EXT_C 2\n"})
        self.assert_total(page, 0, 1, 0)
        self.assertIn("RISCV_ISA_EXT_c, used in arch/riscv/include/asm/trampfd.h 1.5: #define RISCV_ISA_EXT_c", page)

    def test_struct_by_a_macro(self):
        self.assert_total(self.report([("include/linux/mm.h", "struct mutex {", "context_lock_struct(mutex) {")]),
                          0, 0, 0)
        page = self.report([("include/linux/mm.h", "struct mutex {", "struct mutex_t {")])
        self.assertIn("struct mutex, used in mm/trampfd.c", page)

    def test_members(self):
        page = self.report([("include/linux/mm.h", "unsigned long total", "u64 total"),
                            ("include/linux/mm.h", "unsigned long vm_start", "unsigned long vm_begin")])
        self.assert_total(page, 0, 2, 0)
        self.assertIn("struct mm_struct: total, used in mm/trampfd.c 1.5: unsigned long [include/linux/mm.h] "
                      "1.7: u64 [include/linux/mm.h]", page)
        self.assertIn("struct vm_area_struct: vm_start, used in mm/trampfd.c 1.5: unsigned long", page)

    def test_table(self):
        page = self.report([("include/linux/mm.h", "void (*close)(struct vm_area_struct *vma);",
                             "int (*close)(struct vm_area_struct *vma);\nint (*mapped)(unsigned long start);")])
        self.assert_total(page, 0, 2, 0)
        self.assertIn("struct vm_operations_struct: close, used in mm/trampfd.c 1.5: void (*)(struct", page)
        self.assertIn("struct vm_operations_struct, used in mm/trampfd.c 1.7: mapped: int (*)(unsigned long start)",
                      page)

    def test_less_important(self):
        page = self.report([("include/linux/mm.h", "VM_READ 1", "VM_READ 2"),
                            ("include/linux/slab.h", "kfree(const void *p)", "kfree(void *p)")])
        self.assert_total(page, 0, 0, 0)
        self.assertRegex(page, r"Only const .*: kfree Macros .* importance: VM_READ")

    def test_other_form(self):
        page = self.report([("arch/s390/include/asm/ptrace.h", "#define user_mode(regs) ((regs)->psw & 1)",
                             "static inline bool user_mode(struct pt_regs *regs) { return regs->psw & 1; }")])
        self.assert_total(page, 0, 0, 0)
        self.assertIn("rarely of importance: user_mode", page)

    def test_homonym(self):
        page = self.report(files={"include/linux/other.h": "void get_area(void);\n#define page_of(a) a\n"})
        self.assert_total(page, 0, 0, 0)

    def test_clash(self):
        page = self.report(files={"include/linux/other.h": "void trampfd_fill(void);\n"})
        self.assertIn("The tree has got names that our files define themselves: trampfd_fill", page)

    def test_header(self):
        page = self.report(files={"include/linux/slab.h": None,
                                  "include/linux/cache.h": KERNEL["include/linux/slab.h"]})
        self.assert_total(page, 0, 0, 0)
        self.assertIn("<linux/slab.h>, included in mm/trampfd.c", page)

    def test_added_lines(self):
        ours = {"patches/1.5/mmap.patch": MMAP.replace("line 23, ours", "kfree_all(VM_WRITE);")}
        kernel = "int kfree_all(int);\n"
        with unittest.mock.patch.dict(KERNEL, {"include/linux/kfree.h": kernel}):
            page = self.report([("include/linux/kfree.h", "int kfree", "void kfree")], ours=ours)
        self.assert_total(page, 0, 1, 0)
        self.assertIn("kfree_all, used in mm/mmap.c 1.5: int kfree_all(int)", page)

    # Patches
    def test_offset(self):
        page = self.report([("mm/mmap.c", "line 1\n", "line 0\nline 1\n")])
        self.assert_total(page, 0, 0, 0)
        self.assertIn("At other lines, which needs no change: mmap.patch (1 line)", page)
        self.assertIn("As to patches/3.0, of 1 patch 1 applies at other lines.", page)

    def test_fuzz(self):
        page = self.report([("mm/mmap.c", "line 20\n", "line 20, theirs\n")])
        self.assert_total(page, 1, 0, 0)
        self.assertIn("mmap.patch hunk 1 of mm/mmap.c, near line 20 (in dup_mmap()): only with fuzz 1", page)

    def test_failure(self):
        page = self.report([("mm/mmap.c", "line 22\n", "line 22, theirs\n"), ("mm/mmap.c", "line 24\n", "")])
        self.assert_total(page, 1, 0, 0)
        self.assertIn("mmap.patch hunk 1 of mm/mmap.c, near line 20 (in dup_mmap()): fails", page)
        self.assertNotIn("not there any more", page)

    def test_obsolete(self):
        page = self.report([("mm/mmap.c", "line 23\n", "another\n")])
        self.assertIn("(in dup_mmap()): fails; what it takes away is not there any more", page)

    def test_no_file(self):
        page = self.report(files={"mm/mmap.c": None, "mm/other.c": "int a;\n"})
        self.assert_total(page, 1, 0, 0)
        self.assertIn("mmap.patch There is no file mm/mmap.c.", page)

    def test_there_already(self):
        page = self.report([("mm/mmap.c", "line 23\n", "line 23, ours\n")])
        self.assert_total(page, 0, 0, 0)
        self.assertIn("the tree has what these would make of it: mmap.patch", page)

    # Options
    def test_option_gone(self):
        page = self.report([("Kconfig", "config PREEMPT", "config PREEMPTION"),
                            ("Kconfig", "config NET\n", "config N\n")])
        self.assert_total(page, 0, 0, 1)
        self.assertIn("PREEMPT, in vm/config/base-1.5.config", page)
        self.assertIn("which does no harm: NET", page)

    # riscv still has it.
    def test_option_gone_of_one_architecture(self):
        page = self.report(files={"arch/s390/Kconfig": "config OTHER\n\tbool\n"})
        self.assert_total(page, 0, 0, 1)
        self.assertIn("COMPAT, in vm/config/s390x.config", page)

    def test_option_without_prompt(self):
        page = self.report([("Kconfig", "bool \"SMP\"", "bool")])
        self.assert_total(page, 0, 0, 0)
        self.assertIn("others switch them on: SMP, in vm/config/base.config", page)

    # Numbers
    def test_numbers_taken(self):
        page = self.report([("arch/s390/kernel/syscalls/syscall.tbl", "1  common", "600  common"),
                            ("Documentation/userspace-api/ioctl/ioctl-number.rst", "0xC7  10-1F", "0xC7  0F-1F"),
                            ("include/uapi/linux/magic.h", "0x454d444d", "0x54524D50")])
        self.assertIn("LOOK: System calls: 600 and 601 are not free: 600 is exit in arch/s390", page)
        self.assertIn("LOOK: ioctls: 0xC7 is not free: \"0xC7 0F-1F linux/other.h\".", page)
        self.assertIn("LOOK: File system's magic number: 0x54524d50 is DEVMEM_MAGIC", page)

    def test_tables_moved(self):
        page = self.report(files={"scripts/syscall.tbl": None})
        self.assertIn("in the patches, and gone: scripts/syscall.tbl", page)

    def test_nearest(self):
        for version, expected in (("6.12", "6.12"), ("6.13", "6.12"), ("7.2", "7.3"), ("9.0", "7.3"), ("5.4", "6.12"),
                                  ("6.17", "6.12"), ("6.18", "7.3"), ("7.3", "7.3")):
            self.assertEqual(port_report.nearest(version, ["6.12", "7.3"]), expected, version)

    def test_normal_type(self):
        for one, other in (("(struct file * f,unsigned long)", "(struct file *, unsigned long len)"),
                           ("(void (*fn)(void *data), u64 x)", "(void (*)(void *), u64)"),
                           ("(unsigned long long a)", "(unsigned long long)"), ("(void)", "()")):
            self.assertEqual(port_names.normal_type(one), port_names.normal_type(other))
        for one, other in (("(int a)", "(long a)"), ("(void __user *p)", "(void *p)"), ("(u32 a)", "(u64 a)")):
            self.assertNotEqual(port_names.normal_type(one), port_names.normal_type(other))

    def test_errors(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "port-report.sh")
        with tempfile.TemporaryDirectory() as empty:
            for kdir, said in (("", "Which tree?  make port-report KDIR="),
                               (f"{empty}/none", f"KDIR={empty}/none: there is no such directory."),
                               (empty, f"KDIR={os.path.realpath(empty)} is no Linux source tree.")):
                done = subprocess.run(["bash", script], env={**os.environ, "TRAMPFD_KDIR": kdir, "TRAMPFD_KERNEL": ""},
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
