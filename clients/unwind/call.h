/* SPDX-License-Identifier: GPL-2.0 */
/* One function pointer, by a written stub or by libtrampfd's trampoline. */
#ifndef CALL_H
#define CALL_H

#include <err.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <trampfd.h>

#define NOIPA __attribute__((noipa))

typedef int (*function)(int n);

/* Room for a stub, where it is. */
static inline void *stub_page(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

static inline function write_stub(void *page, function target)
{
#if defined(__x86_64__)
	/* movabs $target, %r11; jmp *%r11 */
	static const unsigned char code[] = { 0x49, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0,
					0x41, 0xff, 0xe3 };
	const int offset = 2;
#elif defined(__aarch64__)
	/* ldr x17, 1f; br x17; 1: */
	static const unsigned int code[] = { 0x58000051, 0xd61f0220, 0, 0 };
	const int offset = 8;
#else
#error "There is no stub for this architecture."
#endif
	uintptr_t value = (uintptr_t)target;

	memcpy(page, code, sizeof(code));
	memcpy((char *)page + offset, &value, sizeof(value));
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC))
		err(1, "mprotect");
	__builtin___clear_cache((char *)page, (char *)page + sizeof(code));
	return (function)page;
}

static inline function new_call(const char *how, function target)
{
	void *trampoline;

	if (!strcmp(how, "stub"))
		return write_stub(stub_page(), target);

	trampoline = trampfd_alloc();
	if (!trampoline || trampfd_init(trampoline, (void *)target, NULL))
		err(1, "libtrampfd");
	return (function)trampoline;
}

#endif
