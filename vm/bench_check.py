#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks what perf bench tramp has measured in a guest that counts instructions.

    bench_check.py same CSV CSV     whether two boots have given the same figures
    bench_check.py limits ARCH CSV  whether the costs keep their limits; ARCH is a name as
                                    x86_64, or x86_64-7.3 for what ran on Linux 7.3

It prints results as report.py does: status, name, detail and file, with tabs
between them.
"""
import csv
import sys

# What a limit has on top of its target, so that another compiler does not break it.
ROOM = 1.03


class Missing(Exception):
    """A figure that was not measured."""


def read(path):
    """{(bench, method, n): cost} of a CSV file."""
    with open(path, newline="") as f:
        return {(row["bench"], row["method"], int(row["n"])): float(row["cost"])
                for row in csv.DictReader(f)}


def same(first, second):
    """One result for each bench: do the two have the same figures?"""
    results = []
    for bench in dict.fromkeys(["call", *(key[0] for key in [*first, *second])]):
        keys = [key for key in {**first, **second} if key[0] == bench]
        differ = [key for key in keys if first.get(key) != second.get(key)]
        name = f"{bench}: the same figures in two boots"
        if not keys:
            results.append(("fail", name, "there are none"))
        elif differ:
            _, method, n = differ[0]
            results.append(("fail", name, f"{len(differ)} of {len(keys)} are not, as {method}, n = {n}: "
                            f"{first.get(differ[0], 'none')} and {second.get(differ[0], 'none')}"))
        else:
            results.append(("pass", name, f"all {len(keys)}"))
    return results


class Costs:
    """The figures by name."""

    def __init__(self, figures):
        self.figures = figures

    def __call__(self, method, n=1, bench="call"):
        try:
            return self.figures[bench, method, n]
        except KeyError:
            raise Missing(f"{bench} of {method}, n = {n}, was not measured") from None

    def create(self, method, n):
        return self(method, n, "create")


# A limit: name, target, how it is measured, whether less is worse, and its room.
def at_most(name, target, measured, room=ROOM):
    return name, target, measured, False, room


def at_least(name, target, measured, room=ROOM):
    return name, target, measured, True, room


ONE = "a call with PC and one register"
# What it was measured to be on x86-64.  It differs by the kernel's way in and out again, as that
# of an emulated vsyscall does.
CALL = {"6.12": 244, "7.3": 256}

X86_64 = [
    at_most(f"{ONE}, in vsyscalls", 0.95, lambda c: c("trampfd") / c("vsyscall")),
    at_most(f"{ONE}, in calls the way of v1", 0.45, lambda c: c("trampfd") / c("v1")),
    # 15 was the target.  It is out of reach: getting into the kernel and out again takes 137
    # instructions of a call, so that 15 would leave 84 for all else, which now takes 105.
    at_least("a SIGSEGV handler, in calls with PC and one register", 13.5,
             lambda c: c("signal") / c("trampfd")),
    at_most("a call, one of 1000 to one of 1", 1.12, lambda c: c("trampfd", 1000) / c("trampfd")),
    at_most("a call, one of 1000000 to one of 1", 1.12,
            lambda c: c("trampfd", 1000000) / c("trampfd")),
    at_most("a call, 64 regions to one", 1.12,
            lambda c: c("trampfd-64regions", 64) / c("trampfd")),
    at_most("instructions of each further register, of 3", 8,
            lambda c: (c("trampfd-3reg") - c("trampfd")) / 2),
    at_most("instructions of each further register, of 7", 8,
            lambda c: (c("trampfd-7reg") - c("trampfd")) / 6),
    at_most("instructions of 8 bytes of stack data", 80,
            lambda c: c("trampfd-stack8") - c("trampfd")),
] + [limit for n in (4096, 65536) for limit in (
    at_least(f"a written stub, in trampolines made in one call of {n}", 50,
             lambda c, n=n: c.create("stub-each", n) / c.create("trampfd-batch", n)),
    at_least(f"a descriptor and a mapping each, in trampolines made in one call of {n}", 20,
             lambda c, n=n: c.create("trampfd-v1way", n) / c.create("trampfd-batch", n)),
    # No room: the rest of the two is the same code, so another compiler changes both.
    at_most(f"instructions to set one by address, more than by descriptor, of {n}", 100,
            lambda c, n=n: c.create("trampfd-address", n) - c.create("trampfd-each", n), room=1),
)]

OTHERS = [
    at_most(f"{ONE}, in getppid system calls", 1.6, lambda c: c("trampfd") / c("getppid")),
]

# Code entries.  No room: both sides of a comparison come from the same compiler, and how
# long the kernel's own code is depends on none.
CODE_CALL = "a call through a code entry, instructions more than through"
# Bytes of memory for one, by its bytes of address in each part.
MEMORY = {16: 90, 32: 120}


def code_calls(arch):
    if arch != "x86_64":
        return [at_most(f"{CODE_CALL} a written stub", 3,
                        lambda c: c("trampfd-code") - c("stub"), room=1)]
    return [at_most(f"{CODE_CALL} the static table, one of {n}", 0,
                    lambda c, n=n: c("trampfd-code", n) - c("table"), room=1)
            for n in (1, 1000, 65536)]


def memory(costs):
    """Memory of a code entry, as a share of what its bytes of address allow."""
    stride = costs("code", 65536, "stride")
    if stride not in MEMORY:
        raise Missing(f"there is no limit for {stride:g} bytes from one code entry to the next")
    return costs("code", 65536, "memory") / MEMORY[stride]


def code_costs(arch):
    # Contexts have the target register as well, where there is one.
    setting = 1.15 if arch == "x86_64" else 1.4
    return [
        at_most("setting a code entry, one of 65536, in settings without", setting,
                lambda c: c.create("code-set", 65536) / c.create("trampfd-set", 65536), room=1),
        at_most("replacing a code entry, one of 65536, in replacements without", 1.05,
                lambda c: c.create("code-replace", 65536) / c.create("trampfd-replace", 65536), room=1),
        # Of so few, none waits until the kernel has freed what was replaced before.  That is most
        # of the above.  What is left is what the limit of setting allows for.
        at_most("replacing a code entry, one of 4096, in replacements without", setting,
                lambda c: c.create("code-replace", 4096) / c.create("trampfd-replace", 4096), room=1),
        # Making them includes the page faults that the first calls would have.
        at_most("making and calling each of 65536 code entries once, in the same without", 1,
                lambda c: (c.create("code-batch", 65536) + c("trampfd-code")) /
                (c.create("trampfd-batch", 65536) + c("trampfd")), room=1),
        at_most("memory of a code entry, in what it may take", 1, memory, room=1),
    ]


# Where the guest's CPU can't refuse to execute data.
WITHOUT_CODE = ("i386", "m68k", "mips64el")


def limits_of(target):
    """What an architecture has to keep, with that kernel."""
    arch, _, kernel = target.partition("-")
    found = OTHERS
    if arch == "x86_64":
        found = [at_most(f"instructions of {ONE}", CALL[kernel or "6.12"], lambda c: c("trampfd"))] + X86_64
    return found if arch in WITHOUT_CODE else found + code_calls(arch) + code_costs(arch)


def limits(target, figures):
    """One result for each limit of an architecture with a kernel."""
    costs, results = Costs(figures), []
    for name, target, measure, least, room in limits_of(target):
        limit = target / room if least else target * room
        words = f"at {'least' if least else 'most'} {limit:.4g}"
        if limit != target:
            words += f", which is {target:g} and {100 * (room - 1):.2g} % for other compilers"
        try:
            measured = measure(costs)
        except Missing as missing:
            results.append(("fail", name, f"{missing}; {words}"))
            continue
        good = measured >= limit if least else measured <= limit
        results.append(("pass" if good else "fail", name, f"{measured:.4g}, {words}"))
    return results


def main():
    mode, *args = sys.argv[1:]
    if mode == "same":
        results, path = same(read(args[0]), read(args[1])), args[0]
    else:
        results, path = limits(args[0], read(args[1])), args[1]
    for result in results:
        print("\t".join([*result, path]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
