#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
import unittest

import fuzz_lines

DISASSEMBLY = """
ffffffff81000000 <trampfd_set>:
ffffffff81000000:	push   %rbx
ffffffff81000001:	call   ffffffff81a00000 <__sanitizer_cov_trace_pc>
ffffffff81000006:	mov    %rdi,%rbx
ffffffff81000009:	jne    ffffffff81000020 <trampfd_set+0x20>
ffffffff8100000b:	call   ffffffff81a00000 <__sanitizer_cov_trace_pc>
ffffffff81000010:	call   ffffffff81b00000 <kfree>
ffffffff81000015:	ret
"""

LINES = """\
/build/linux/mm/trampfd_context.c:12
/build/linux/mm/slub.c:7
??:?
/build/linux/mm/trampfd.c:40 (discriminator 2)
/build/linux/mm/trampfd.c:0
"""


class Places(unittest.TestCase):
    def test_behind_the_calls(self):
        self.assertEqual(fuzz_lines.call_returns(DISASSEMBLY.splitlines()),
                         [0xffffffff81000006, 0xffffffff81000010])

    def test_only_our_files(self):
        self.assertEqual(fuzz_lines.our_lines([1, 2, 3, 4, 5], LINES),
                         {1: ("/build/linux/mm/trampfd_context.c", 12),
                          4: ("/build/linux/mm/trampfd.c", 40)})

    def test_a_line_is_reached_by_any_of_its_places(self):
        places = {1: ("a.c", 5), 2: ("a.c", 5), 3: ("a.c", 9)}

        self.assertEqual(fuzz_lines.summary(places, {2}), (1, 2, [("a.c", 9)]))
        self.assertEqual(fuzz_lines.summary(places, {1, 3}), (2, 2, []))
        self.assertEqual(fuzz_lines.summary(places, set()),
                         (0, 2, [("a.c", 5), ("a.c", 9)]))


if __name__ == "__main__":
    unittest.main()
