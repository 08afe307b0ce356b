#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints what one call costs on several architectures, as a table.

    bench_table.py PATH...      each is that of an architecture's figures,
                                without ".csv"; one that is not there is left out
"""
import os
import sys

import bench_check

METHODS = {"direct": "direct", "stub": "stub", "table": "table", "trampfd-code": "code entry",
           "getppid": "getppid", "trampfd": "trampfd", "signal": "SIGSEGV"}


def line(cells):
    return f"{cells[0]:<12}" + "".join(f"{cell:>12}" for cell in cells[1:])


def ratio(costs, a, b):
    """How many times `b` is in `a`; both may not have been measured."""
    if not costs.get(a) or not costs.get(b):
        return "-"
    return f"{costs[a] / costs[b]:.2f}"


def table(figures):
    """The lines for {architecture: figures as bench_check.read() has them}."""
    lines = [line(["", *METHODS.values(), "to getppid", "of SIGSEGV"])]
    for arch, measured in figures.items():
        costs = {method: measured.get(("call", method, 1)) for method in METHODS}
        lines.append(line([arch, *("-" if c is None else f"{c:.0f}" for c in costs.values()),
                           ratio(costs, "trampfd", "getppid"),
                           ratio(costs, "signal", "trampfd")]))
    return lines


def main():
    paths = [path for path in sys.argv[1:] if os.path.exists(path + ".csv")]
    figures = {os.path.basename(path): bench_check.read(path + ".csv") for path in paths}
    print("\n".join(table(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
