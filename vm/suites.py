# SPDX-License-Identifier: GPL-2.0
"""What the clients' test suites have in common: names, and tables of figures."""


def unused(name, taken):
    """The name, or with a number if it is taken: suites have a few names twice."""
    n, unique = 1, name
    while unique in taken:
        n += 1
        unique = f"{name} ({n})"
    return unique


def print_table(heads, body):
    """Rows of strings as a table in rst."""
    widths = [max(len(row[i]) for row in [heads, *body]) for i in range(len(heads))]
    rule = "  ".join("=" * w for w in widths)
    for row in [None, heads, None, *body, None]:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() if row else rule)
