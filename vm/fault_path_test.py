#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plants stores, locks and detours in recorded faults, and checks that fault_path.py sees
them."""
import unittest

import fault_path
from fault_path import Insn, Step

STACK = 0xFFFF888000E64000
TASK = 0xFFFF888000B2B000
GS = 0xFFFF88807DA00000
TR = 0xFFFFFE0000003000
SHARED = 0xFFFF888000A88400
ENTRY = 0xFFFFFFFF81400B50
OTHER_ENTRY = 0xFFFFFFFF81400B80
CODE = 0xFFFFFFFF81001000
USER = 0x401000

SYMBOLS = f"""\
0000000000000000 D __per_cpu_start
00000000000226c0 0000000000000040 D pcpu_hot
0000000000024800 D __per_cpu_end
{CODE:x} T handle
{ENTRY:x} 0000000000000030 T asm_exc_page_fault
{OTHER_ENTRY:x} 0000000000000030 T asm_sysvec_apic_timer_interrupt
ffffffff81800000 D __start_init_stack
ffffffff81804000 D __end_init_stack
ffffffff81809f80 0000000000001a00 D init_task
""".splitlines()

READ_CURRENT = "mov    %gs:0x7ecb1f5c(%rip),%rcx        # 226c0 <pcpu_hot>"


# The same of Linux 7.3, whose per-CPU data has addresses in the kernel's file.
PERCPU = 0xFFFFFFFF82224000
SYMBOLS_73 = [f"{PERCPU:x} D __per_cpu_start", f"{PERCPU + 0x18:x} D current_task",
              f"{PERCPU + 0x24800:x} D __per_cpu_end", *SYMBOLS[3:]]
READ_CURRENT_73 = f"mov    %gs:0x1223000(%rip),%rcx        # {PERCPU + 0x18:x} <current_task>"


def registers(**changed):
    regs = dict.fromkeys(("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11",
                          "r12", "r13", "r14", "r15"), 0)
    regs.update(rsp=STACK + 0x3000, gs=GS, fs=0, tr=TR)
    regs.update(changed)
    return regs


def path(*code, symbols=SYMBOLS, current=READ_CURRENT):
    """A kernel, and the steps of one fault that runs through `code`: an instruction, or a
    tuple of it and its registers.  It begins on the entry stack, and reads current."""
    kernel = fault_path.Kernel(symbols)
    run, pc = [], ENTRY
    for text, changed in [("cld", {"rsp": TR - 48}), (current, {}), ("nop", {"rcx": TASK}),
                          *((line, {}) if isinstance(line, str) else line for line in code)]:
        kernel.insns[pc] = Insn(text, pc + 4)
        run.append(Step(pc, registers(**changed)))
        pc = CODE if pc == ENTRY else pc + 4
    return kernel, run


class Stores(unittest.TestCase):
    def look(self, *code):
        kernel, run = path(*code)
        locked, shared, _ = fault_path.look(kernel, [run])
        return len(locked), len(shared)

    def clean(self, *code):
        self.assertEqual(self.look(*code), (0, 0), code)

    def shared(self, *code):
        self.assertEqual(self.look(*code), (0, 1), code)

    def locked(self, *code):
        self.assertEqual(self.look(*code), (1, 1), code)

    def test_private(self):
        self.clean(("mov    %rax,0x50(%rsp)", {}))
        self.clean(("mov    %rax,(%rdi)", {"rdi": STACK + 0x3F58}))
        self.clean(("mov    %rax,(%rdi)", {"rdi": TR - 8}))
        self.clean(("movl   $0x1,0x864(%rcx)", {"rcx": TASK}))
        self.clean(("push   %rbx", {}), ("call   ffffffff81001000 <handle>", {}))
        self.clean("incl   %gs:0x7ecb1f08(%rip)        # 226c8 <pcpu_hot+0x8>")
        self.clean("mov    %ax,%gs:0x100")
        self.clean(("rep stos %rax,%es:(%rdi)", {"rdi": STACK, "rcx": 16}))

    def test_linux_7_3(self):
        gs = (GS - PERCPU) & fault_path.WORD
        code = [("movl   $0x1,0x864(%rcx)", {"rcx": TASK, "gs": gs}),
                (f"incl   %gs:0x1223000(%rip)        # {PERCPU + 0x100:x} <count>", {"gs": gs}),
                (f"incl   %gs:0x1223000(%rip)        # {PERCPU - 8:x} <other>", {"gs": gs})]
        kernel, run = path(*code, symbols=SYMBOLS_73, current=READ_CURRENT_73)
        _, shared, _ = fault_path.look(kernel, [run])
        self.assertEqual(len(shared), 1)

    def test_reads(self):
        for text in ("mov    (%rdi),%rax", "cmp    %rax,0x80(%rdi)", "testb  $0x3,0x88(%rdi)",
                     "cmpq   $0x33,0x88(%rdi)", "lea    0x10(%rdi),%rax", "nopl   0x0(%rdi)",
                     "prefetcht0 (%rdi)", "verw   (%rdi)", "bt     %eax,(%rdi)", "divq   (%rdi)",
                     "imul   0x8(%rdi),%rax", "jmp    *(%rdi)", "xchg   %ax,%ax"):
            self.clean((text, {"rdi": SHARED}))

    def test_writes(self):
        for text in ("mov    %rax,(%rdi)", "movq   $0x0,0x10(%rdi)", "mov    %rax,-0x8(%rdi,%rcx,8)",
                     "incl   (%rdi)", "or     %eax,(%rdi)", "prefetchw (%rdi)", "sete   (%rdi)",
                     "pop    (%rdi)", "cmpxchg %rdx,(%rdi)", "xadd   %rdx,(%rdi)", "btsl   $0x1,(%rdi)",
                     "movups %xmm0,(%rdi)", "movs   %ds:(%rsi),%es:(%rdi)", "shld   %cl,%rax,(%rdi)",
                     "unheard %rax,(%rdi)", "mov    %rax,0xffffffff82211f80",
                     "mov    %al,0xea1866(%rip)        # ffffffff82211f80 <trace_pagefault_key>"):
            self.shared((text, {"rdi": SHARED}))
        self.shared(("bts    %rax,(%rdi)", {"rdi": STACK}))
        # the stack pointer itself
        self.shared(("mov    %rax,(%rsp)", {"rsp": SHARED}))
        # beyond what is private
        self.shared(("mov    %rax,(%rdi)", {"rdi": STACK + 0x4000}))
        self.shared(("mov    %rax,(%rdi)", {"rdi": TASK + 0x1A00}))
        self.shared(("mov    %rax,(%rdi)", {"rdi": TR}))
        self.shared(("rep stos %rax,%es:(%rdi)", {"rdi": STACK + 0x3FF8, "rcx": 2}))
        self.shared("incl   %gs:0x24800")

    def test_locked(self):
        self.locked(("lock incl (%rdi)", {"rdi": SHARED}))
        self.locked(("lock cmpxchg %rdx,(%rdi)", {"rdi": SHARED}))
        self.locked(("xchg   %rax,(%rdi)", {"rdi": SHARED}))
        self.locked(("xchg   (%rdi),%rax", {"rdi": SHARED}))
        self.assertEqual(self.look("lock incl (%rsp)"), (1, 0))

    def test_unknown_code(self):
        kernel, run = path("nop")
        run.append(Step(CODE + 0x100, registers()))
        self.assertEqual(len(fault_path.look(kernel, [run])[1]), 1)

    def test_unknown_task(self):
        kernel, run = path(("mov    %rax,(%rcx)", {"rcx": TASK}))
        del run[1]
        self.assertEqual(len(fault_path.look(kernel, [run])[1]), 1)


class Results(unittest.TestCase):
    def statuses(self, *code, wanted=False, times=fault_path.PASSES):
        kernel, run = path(*code)
        return [r[0] for r in fault_path.check_shared(kernel, [run] * times, "test", wanted)]

    def test_shared(self):
        self.assertEqual(self.statuses("push   %rax"), ["pass", "pass", "pass"])
        self.assertEqual(self.statuses(("prefetchw (%rdi)", {"rdi": SHARED})), ["pass", "pass", "fail"])
        self.assertEqual(self.statuses("push   %rax", "lock incl (%rsp)"), ["pass", "fail", "pass"])
        self.assertEqual(self.statuses("push   %rax", times=fault_path.PASSES - 1), ["fail", "pass", "pass"])
        self.assertEqual(self.statuses("push   %rax", times=0), ["fail", "fail", "fail"])

    def test_one_differs(self):
        kernel, run = path("push   %rax", "push   %rax")
        results = fault_path.check_shared(kernel, [run] * 9 + [run[:-1]], "test", False)
        self.assertEqual(results[0][0], "pass")
        results = fault_path.check_shared(kernel, [run] * 8 + [run[:-1]] * 2, "test", False)
        self.assertEqual(results[0][0], "fail")

    def test_finds(self):
        self.assertEqual(self.statuses("push   %rax", wanted=True), ["pass", "fail", "fail"])
        self.assertEqual(self.statuses(("lock incl (%rdi)", {"rdi": SHARED}), wanted=True),
                         ["pass", "pass", "pass"])

    def test_more(self):
        def status(ours, theirs, most=2, times=fault_path.PASSES):
            a, b = path(*["nop"] * ours)[1], path(*["nop"] * theirs)[1]
            return fault_path.check_more([a] * times, [b] * times, "test", most)[0][0]
        self.assertEqual(status(12, 10), "pass")
        self.assertEqual(status(13, 10), "fail")
        self.assertEqual(status(8, 10), "pass")
        self.assertEqual(status(10, 10, times=1), "fail")

    def test_functions(self):
        kernel, run = path("nop", "nop")
        self.assertEqual(fault_path.functions(kernel, [run]),
                         [("asm_exc_page_fault", 1), ("handle", 4), ("all", 5)])


def logged(pc, rsp=STACK):
    return [f"Trace 0: 0x7f65ddba4ec0 [0000000000000000/{pc:016x}/10c0c290/ff020201] \n",
            f"RSI=0000000000000001 RDI=0000000000000002 RBP=0000000000000003 RSP={rsp:016x}\n",
            "R8 =0000000000000004 R9 =0000000000000000 R10=0000000000000000 R11=0000000000000005\n",
            f"RIP={pc:016x} RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\n",
            f"GS =0000 {GS:016x} 00000000 00000000\n",
            "LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT\n",
            f"TR =0040 {TR:016x} 00004087 00008900 DPL=0 TSS64-avl\n"]


class Log(unittest.TestCase):
    def run_of(self, *pcs):
        return list(fault_path.steps([line for pc in pcs for line in logged(pc)]))

    def test_steps(self):
        run = self.run_of(CODE, CODE + 4, CODE + 8)
        self.assertEqual([s.pc for s in run], [CODE, CODE + 4])
        self.assertEqual({n: run[0].regs[n] for n in ("rdi", "rsp", "r8", "r11", "gs", "tr")},
                         {"rdi": 2, "rsp": STACK, "r8": 4, "r11": 5, "gs": GS, "tr": TR})

    def test_stopped(self):
        lines = [*logged(CODE), "Stopped execution of TB chain before 0x7f65 [ffffffff81001000] \n",
                 *logged(CODE), *logged(CODE + 4), *logged(CODE + 8)]
        self.assertEqual([s.pc for s in fault_path.steps(lines)], [CODE, CODE + 4])

    def test_passes(self):
        run = self.run_of(CODE, USER, ENTRY, CODE, USER, ENTRY, OTHER_ENTRY, CODE, USER, ENTRY, CODE)
        whole = list(fault_path.passes(run, ENTRY, {OTHER_ENTRY}))
        self.assertEqual([[s.pc for s in one] for one in whole], [[ENTRY, CODE]])


class Text(unittest.TestCase):
    CODE = bytes(i * 7 % 251 for i in range(64 * 100))

    def test_patched(self):
        """A byte in every third line was patched."""
        ran = bytearray(self.CODE)
        for i in range(0, len(ran), 3 * 64):
            ran[i] ^= 0xff
        self.assertTrue(fault_path.nearly_same(self.CODE, bytes(ran)))

    def test_elsewhere(self):
        self.assertFalse(fault_path.nearly_same(self.CODE, self.CODE[16:] + self.CODE[:16]))

    def test_cut(self):
        self.assertFalse(fault_path.nearly_same(self.CODE, self.CODE[:-64]))


if __name__ == "__main__":
    unittest.main()
