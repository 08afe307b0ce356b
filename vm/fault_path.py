#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Follows page faults through the kernel, instruction by instruction, with registers.

    fault_path.py record CONSOLE SOCKET VMLINUX DIRECTORY
        waits until the guest takes faults in a loop (vm/jobs/faults), then has
        QEMU (its monitor is at SOCKET) log some, and save the kernel's text, which
        has been patched while it booted; ends the guest
    fault_path.py shared DIRECTORY NAME
        whether the faults touch what other CPUs use
    fault_path.py finds DIRECTORY NAME
        the opposite, for a path that is known to: whether the check above works
    fault_path.py compare DIRECTORY UNPATCHED NAME MOST
        whether a fault takes at most MOST instructions more than in another kernel
    fault_path.py functions DIRECTORY
        the instructions of one fault by function

All but the first and the last print results as report.py does: status, name, detail
and log.  What counts as a store: everything with memory as its last operand that
is not known to leave it as it is, and what is pushed.  Only x86-64.
"""
import bisect
import collections
import os
import re
import socket
import subprocess
import sys
import time

LOG_SIZE = 30 << 20		# enough for 100 calls of trampolines, or 10 other faults
PASSES = 5			# how many whole ones there have to be
KERNEL_MAP = 0xFFFFFFFF80000000
KERNEL_HALF = 1 << 63
WORD = (1 << 64) - 1
PAGE = 4096

# Instructions that leave a memory operand, although it is the last, as it is.
READERS = re.compile(r"""(?:
      (?:cmp|test|bt|nop|div|idiv|mul|imul|lea)[bwlq]?
    | prefetch(?:nta|t[012]) | endbr64 | verw | l[gi]dt | lldt | ltr | invlpg | invpcid | ldmxcsr
    | (?:jmp|call|push)[wq]?
    )$""", re.VERBOSE)
PREFIXES = {"lock", "rep", "repz", "repnz", "notrack", "bnd", "data16", "cs", "ds", "es", "ss",
            "rex.w", "rex.W"}
MEMORY = re.compile(r"""(?:%(?P<segment>[c-g]s):)?(?P<offset>-?0x[0-9a-f]+)?
                        (?:\((?P<base>%\w+)?(?:,(?P<index>%\w+)(?:,(?P<scale>\d))?)?\))?$""", re.VERBOSE)
WIDTHS = {"b": 1, "w": 2, "l": 4, "q": 8}

Insn = collections.namedtuple("Insn", "text next")
# An instruction that ran, and the registers before.
Step = collections.namedtuple("Step", "pc regs")


class Kernel:
    """Symbols of a vmlinux, and its code as it ran."""

    def __init__(self, symbols, text=None):
        self.address, self.size, functions = {}, {}, []
        for line in symbols:
            fields = line.split()
            address, size, (kind, name) = int(fields[0], 16), 0, fields[-2:]
            if len(fields) == 4:
                size = int(fields[1], 16)
            self.address.setdefault(name, address)
            self.size.setdefault(name, size)
            if kind in "tTwW" and address >= KERNEL_MAP:
                functions.append((address, name))
        self.functions = sorted(functions)
        self.starts = [address for address, _ in self.functions]
        self.text = text
        self.insns = {}

    def function(self, pc):
        i = bisect.bisect_right(self.starts, pc) - 1
        return self.functions[i][1] if i >= 0 else "?"

    def insn(self, pc):
        """The instruction at an address, or None."""
        if pc not in self.insns and self.text:
            i = bisect.bisect_right(self.starts, pc)
            self.disassemble(self.starts[i - 1], self.starts[i])
        return self.insns.get(pc)

    def disassemble(self, start, end):
        out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--start-address={start:#x}",
                              f"--stop-address={end:#x}", self.text],
                             check=True, capture_output=True, text=True).stdout
        self.add(out.splitlines(), end)

    def add(self, lines, end):
        found = [(int(m[1], 16), m[2].strip()) for m in
                 (re.match(r"\s*([0-9a-f]+):\t(.*)", line) for line in lines) if m]
        for (pc, text), (after, _) in zip(found, [*found[1:], (end, "")]):
            self.insns[pc] = Insn(text, after)


def steps(lines):
    """What ran, from QEMU's log, one instruction after the other."""
    pc, regs = None, {}
    for line in lines:
        if line.startswith("Trace "):
            if pc is not None:
                yield Step(pc, regs)
            m = re.search(r"\[[0-9a-f]+/([0-9a-f]+)/", line)
            pc, regs = int(m[1], 16), {}
        elif line.startswith("Stopped execution"):
            # It is going to be logged again.
            pc = None
        elif m := re.match(r"(FS|GS|TR) =[0-9a-f]{4} ([0-9a-f]+)", line):
            # selector and base
            regs[m[1].lower()] = int(m[2], 16)
        elif line.startswith("R"):
            for name, value in re.findall(r"\b(R[A-Z0-9]{1,2}) ?=([0-9a-f]{16})", line):
                regs[name.lower()] = int(value, 16)


def passes(run, entry, leave_out=()):
    """Whole ways from the fault's entry to user mode, without those that an interrupt has
    come into."""
    current = None
    for step in run:
        kernel = step.pc >= KERNEL_HALF
        if kernel and step.pc == entry:
            current = [] if current is None else current
        if current is None:
            continue
        if kernel:
            current.append(step)
        else:
            if not any(s.pc in leave_out for s in current):
                yield current
            current = None


def operands(text):
    """The prefixes, the mnemonic and the operands of an instruction, and the address that
    objdump has worked out."""
    text, _, comment = text.partition("#")
    worked_out = re.match(r"\s*([0-9a-f]+)", comment)
    words = text.split(None, 1)
    prefixes = set()
    while len(words) == 2 and words[0] in PREFIXES:
        prefixes.add(words[0])
        words = words[1].split(None, 1)
    rest = words[1].strip() if len(words) == 2 else ""
    return (prefixes, words[0].split(",")[0], re.findall(r"(?:[^,(]|\([^)]*\))+", rest),
            int(worked_out[1], 16) if worked_out else None)


def is_memory(operand):
    return bool(re.match(r"(%[c-g]s:|-?0x|\()", operand)) and bool(MEMORY.match(operand))


def address_of(operand, regs, worked_out, after):
    m = MEMORY.match(operand)
    address = int(m["offset"] or "0", 16)
    if m["base"] == "%rip":
        address = worked_out if worked_out is not None else address + after
    elif m["base"]:
        address += regs[m["base"][1:]]
    if m["index"]:
        address += regs[m["index"][1:]] * int(m["scale"] or 1)
    if m["segment"] in ("gs", "fs"):
        address += regs[m["segment"]]
    return address & WORD


def stores(step, insn):
    """The places that an instruction writes to, or asks for to write to: a list of
    (first byte, last byte)."""
    prefixes, mnemonic, args, worked_out = operands(insn.text)
    regs, found = step.regs, []

    if re.match(r"(push|call|pushf)", mnemonic):
        found.append((regs["rsp"] - 8, regs["rsp"] - 1))
    if m := re.match(r"(?:stos|movs|ins)([bwlq])?$", mnemonic):
        # With a prefix it is logged once for each element, but that is for QEMU to choose.
        width = WIDTHS.get(m[1], 8)
        count = regs["rcx"] if prefixes & {"rep", "repz", "repnz"} else 1
        if count:
            found.append((regs["rdi"], regs["rdi"] + width * count - 1))
        return found
    for i, operand in enumerate(args):
        if not is_memory(operand):
            continue
        written = i == len(args) - 1 and not READERS.match(mnemonic)
        if written or mnemonic.startswith("xchg"):
            address = address_of(operand, regs, worked_out, insn.next)
            if re.match(r"bt[src]", mnemonic) and args[0].startswith("%"):
                # The bit's number can lead far away: not followed, so not accepted.
                address = 0
            found.append((address, address))
    return found


def is_locked(insn):
    prefixes, mnemonic, args, _ = operands(insn.text)
    return "lock" in prefixes or (mnemonic.startswith("xchg") and any(map(is_memory, args)))


class Private:
    """Memory that no other CPU or task uses."""

    def __init__(self, kernel, run):
        size = kernel.address["__end_init_stack"] - kernel.address["__start_init_stack"]
        self.stack_size = size
        # An entry begins on a stack of the CPU, before its TSS, and moves to the task's.
        stacks = {step.regs["rsp"] & ~(size - 1) for step in run
                  if not 0 < step.regs["tr"] - step.regs["rsp"] <= PAGE}
        self.stack = stacks.pop() if len(stacks) == 1 else None
        # Where GS has 0, the per-CPU data would be at its addresses in the kernel's file.
        self.percpu_start = kernel.address["__per_cpu_start"]
        self.percpu_size = kernel.address["__per_cpu_end"] - self.percpu_start
        self.task_size = kernel.size["init_task"]
        self.task = self.find_task(kernel, run)

    @staticmethod
    def find_task(kernel, run):
        """What "current" is, from an instruction that reads it."""
        # Linux 6.12 has it at the begin of a structure.
        current = kernel.address.get("current_task", kernel.address.get("pcpu_hot"))
        for step, after in zip(run, run[1:]):
            insn = kernel.insn(step.pc)
            if not insn:
                continue
            _, mnemonic, args, worked_out = operands(insn.text)
            if mnemonic in ("mov", "movq") and len(args) == 2 and args[0].startswith("%gs:") and \
               is_memory(args[0]) and args[1].lstrip("%") in after.regs and \
               address_of(args[0], {**step.regs, "gs": 0}, worked_out, insn.next) == current:
                return after.regs[args[1].lstrip("%")]
        return None

    def where(self, step, first, last):
        """What a store goes to, None if others can see it."""
        regs = step.regs
        for name, start, size in (("entry stack", regs["tr"] - PAGE, PAGE),
                                  ("kernel stack", self.stack, self.stack_size),
                                  ("per-CPU data", (regs["gs"] + self.percpu_start) & WORD,
                                   self.percpu_size),
                                  ("current task", self.task, self.task_size)):
            if start is not None and start >= KERNEL_HALF and start <= first and last < start + size:
                return name
        return None


def look(kernel, whole):
    """What is wrong with these faults: locked instructions, and stores to shared memory."""
    locked, shared, places = {}, {}, collections.Counter()
    for one in whole:
        private = Private(kernel, one)
        for step in one:
            insn = kernel.insn(step.pc)
            if not insn:
                shared[step.pc] = f"unknown instruction at {step.pc:#x}"
                continue
            where = f"{kernel.function(step.pc)}: {' '.join(insn.text.split())}"
            if is_locked(insn):
                locked[step.pc] = where
            for first, last in stores(step, insn):
                place = private.where(step, first, last)
                places[place] += 1
                if not place:
                    shared[step.pc] = f"{where} (to {first:#x})"
    return list(locked.values()), list(shared.values()), places


def load(directory):
    """The kernel of a recording, and its whole faults."""
    with open(os.path.join(directory, "symbols")) as f:
        kernel = Kernel(f, os.path.join(directory, "text"))
    entry = kernel.address["asm_exc_page_fault"]
    others = {address for name, address in kernel.address.items()
              if re.match(r"asm_(sysvec|common_interrupt|exc_(?!page_fault))", name)}
    with open(os.path.join(directory, "log"), errors="replace") as f:
        whole = list(passes(steps(f), entry, others))
    return kernel, whole


def usual(whole):
    """Those faults that went the way that most of them went."""
    ways = collections.Counter(tuple(s.pc for s in one) for one in whole)
    if not ways:
        return []
    way = ways.most_common(1)[0][0]
    return [one for one in whole if tuple(s.pc for s in one) == way]


def some(found):
    return f"{len(found)}, as {found[0]}" if found else "none"


def check_shared(kernel, whole, name, wanted):
    """Results: faults are free of what is shared, or, if wanted, are not."""
    same = usual(whole)
    results = []
    # A timer's interrupt may come in between.
    enough = len(same) >= PASSES and 10 * len(same) >= 9 * len(whole)
    detail = f"{len(same)} of {len(whole)} have the same {len(same[0]) if same else 0} instructions"
    results.append(("pass" if enough else "fail", f"{name}: whole faults were seen", detail))
    locked, shared, places = look(kernel, same)
    if not wanted:
        detail = ", ".join(f"{place}: {n // max(len(same), 1)}" for place, n in
                           sorted(places.items(), key=str) if place)
        results.append(("fail" if locked or not whole else "pass",
                        f"{name}: no locked instruction", some(locked)))
        results.append(("fail" if shared or not places else "pass", f"{name}: no store to what is shared",
                        some(shared) if shared else f"stores to {detail or 'nothing'}"))
    else:
        results.append(("pass" if locked else "fail", f"{name}: its locked instructions are seen", some(locked)))
        results.append(("pass" if shared else "fail", f"{name}: its stores to what is shared are seen",
                        some(shared)))
    return results


def check_more(ours, theirs, name, most):
    """The result of comparing the same fault in two kernels."""
    ours, theirs = usual(ours), usual(theirs)
    if min(len(ours), len(theirs)) < PASSES:
        return [("fail", name, f"only {len(ours)} and {len(theirs)} faults were seen")]
    a, b = len(ours[0]), len(theirs[0])
    return [("pass" if a - b <= most else "fail", name,
             f"{a} instructions, {a - b:+d} to the unpatched kernel's {b}, at most {most:+d}")]


def functions(kernel, whole):
    count, order = collections.Counter(), []
    same = usual(whole)
    for step in same[0] if same else []:
        name = kernel.function(step.pc)
        count[name] += 1
        if name not in order:
            order.append(name)
    return [(name, count[name]) for name in order] + [("all", sum(count.values()))]


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(30)
        self.answer()

    def answer(self):
        text = ""
        while not text.endswith("(qemu) "):
            data = self.socket.recv(65536)
            if not data:
                break
            text += data.decode(errors="replace")
        return text

    def do(self, command):
        self.socket.sendall(command.encode() + b"\n")
        return self.answer()


def wait_for(what, seconds=120):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError("the guest did not come that far")
        time.sleep(0.1)


def contains(path, text):
    if not os.path.exists(path):
        return False
    with open(path, errors="replace") as f:
        return text in f.read()


def record(console, path, vmlinux, directory):
    log, dump = os.path.join(directory, "log"), os.path.join(directory, "dump")
    wait_for(lambda: contains(console, "trampfd-guest: looping") or
             contains(console, "trampfd-guest: end"))
    if not contains(console, "trampfd-guest: looping"):
        raise ValueError("the guest's program has failed")
    monitor = Monitor(path)
    try:
        follow(monitor, vmlinux, directory, log, dump)
    finally:
        monitor.socket.sendall(b"quit\n")
    save_text(vmlinux, dump, os.path.join(directory, "text"))


def follow(monitor, vmlinux, directory, log, dump):
    # Newer releases of QEMU have another name for it.
    if "unknown command" in monitor.do("one-insn-per-tb on"):
        monitor.do("singlestep on")
    symbols = subprocess.run(["nm", "-n", "-S", vmlinux], check=True, capture_output=True, text=True).stdout
    with open(os.path.join(directory, "symbols"), "w") as f:
        f.write(symbols)
    kernel = Kernel(symbols.splitlines())

    monitor.do(f"logfile {log}")
    monitor.do("log exec,nochain,cpu")
    wait_for(lambda: os.path.exists(log) and enough(log, kernel.address["asm_exc_page_fault"]))
    monitor.do("log none")
    monitor.do("stop")

    start, end = kernel.address["_text"], kernel.address["_etext"]
    monitor.do(f'pmemsave {start - KERNEL_MAP:#x} {end - start:#x} "{dump}"')
    # So that the file is complete.
    monitor.do("info status")


def enough(log, entry):
    """Are there enough faults in the log?  The guest may do something else at first."""
    size = os.path.getsize(log)
    if size <= LOG_SIZE:
        return False
    with open(log, "rb") as f:
        return size > 10 * LOG_SIZE or f.read().count(b"/%016x/" % entry) >= 3 * PASSES


def nearly_same(built, ran):
    """Is this the same code?  The kernel patches itself: of Linux 7.3, 2 % of all bytes, but they
    are in a fifth of all lines of 64 bytes."""
    same = sum(a == b for a, b in zip(built, ran))
    return len(built) == len(ran) and same >= 0.9 * len(built)


def save_text(vmlinux, dump, text):
    """vmlinux with the code that ran."""
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", vmlinux, text], check=True)
    with open(text, "rb") as a, open(dump, "rb") as b:
        built, ran = a.read(), b.read()
    if not nearly_same(built, ran):
        raise ValueError("what was saved is not the kernel's text")
    subprocess.run(["objcopy", "-j", ".text", "--update-section", f".text={dump}", vmlinux, text],
                   check=True, stderr=subprocess.DEVNULL)
    os.unlink(dump)


def main():
    mode, *args = sys.argv[1:]
    if mode == "record":
        record(*args)
        return 0
    try:
        kernel, whole = load(args[0])
    except (OSError, KeyError) as error:
        print("\t".join(("fail", args[-2 if mode == "compare" else -1], f"no recording: {error}",
                         os.path.join(args[0], "log"))))
        return 0
    if mode == "functions":
        for name, count in functions(kernel, whole):
            print(f"{count:6} {name}")
        return 0
    if mode == "compare":
        results = check_more(whole, load(args[1])[1], args[2], int(args[3]))
    else:
        results = check_shared(kernel, whole, args[1], mode == "finds")
    for result in results:
        print("\t".join([*result, os.path.join(args[0], "log")]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
