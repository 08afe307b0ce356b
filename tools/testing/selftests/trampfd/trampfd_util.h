/* SPDX-License-Identifier: GPL-2.0 */
/* What the trampfd tests share: tables, contexts, calls, and caught faults. */
#ifndef TRAMPFD_UTIL_H
#define TRAMPFD_UTIL_H

#include <linux/trampfd.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "trampfd_arch.h"

#ifdef TRAMPFD_BY_CODE
#define NO_TRAMPFD	"no trampfd in this kernel (ENOSYS), or no code (EOPNOTSUPP)"
#else
#define NO_TRAMPFD	"no trampfd in this kernel (ENOSYS)"
#endif
#define NO_THREADS	"no futex for 32-bit programs (CONFIG_COMPAT_32BIT_TIME)"

/* The kernel wants it of a barrier; m68k's C library asks its compiler for less. */
#define FUTEX_ALIGNED	__attribute__((aligned(4)))

/*
 * The harness ends a test after 30 seconds of real time, which an emulated
 * machine with all debugging options needs for some.  What hangs is ended by
 * the timeout of the whole program, see the file settings.
 */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#endif
#define TEST_TIMEOUT_DEFAULT	1800

/* Functions that return int give a negative errno when they fail. */

/* The system call. */
int create(struct trampfd_attr *attr, size_t size, unsigned int flags);
bool trampfd_present(void);
/* Has the kernel what the C library's threads wait with? */
bool threads_work(void);
/* Is that the errno of a system call that the kernel does not have? */
bool no_such_call(int error);

/* A descriptor and where it is mapped, MAP_FAILED if it is not. */
struct table {
	int fd;
	struct trampfd_attr attr;
	char *base;
};

int table_create(struct table *t, unsigned int ntrampolines,
		 unsigned int flags);
int table_map(struct table *t);
int table_map_at(struct table *t, void *addr);
/* Both of them. */
int table_open(struct table *t, unsigned int ntrampolines, unsigned int flags);
void table_unmap(struct table *t);
void table_close(struct table *t);

/*
 * A program that is built with TRAMPFD_BY_CODE has code in its private tables, calls
 * it, and sets all contexts with the promise that nobody calls.  The code loads no
 * register, so there is no value that a broken promise could mix up.  If a program
 * makes @table_shape 1, it loads ARCH_DATA_REG: then every record has to name that,
 * and the promise has to be true.
 */
#ifdef TRAMPFD_BY_CODE
extern unsigned int table_shape;
#endif

/* The address to call. */
char *table_entry(const struct table *t, unsigned int trampoline);
/* How many of them a page of memory has addresses for. */
unsigned int table_per_page(const struct table *t);

/*
 * A control call: an ioctl of the descriptor.  A program that is built with
 * TRAMPFD_BY_ADDRESS makes it trampfd_control() instead, at an address where the
 * table is mapped, for each private table that table_map() has mapped and nobody
 * has unmapped since.
 */
int control(int fd, unsigned long command, void *arg);
/* Always an ioctl, for tests that are about the descriptor itself. */
int control_fd(int fd, unsigned long command, void *arg);
/* Always trampfd_control(). */
int control_at(const void *addr, unsigned int op, const void *arg,
	       unsigned int flags);
/*
 * Stands for the table that is mapped at @addr, where a function asks for a
 * descriptor.  Good until the thread's next at().
 */
int at(const void *addr);
/* Do control calls of the table go the way that the program is built for? */
bool controlled_as_built(const struct table *t);
/* For trampfd_util.c: the descriptor's table is mapped there, or not any more. */
void note_mapping(int fd, const struct table *t);

/* One trampoline's context, with room for the greatest. */
struct context {
	struct trampfd_record rec;
	struct trampfd_reg reg[TRAMPFD_REGS_MAX + 1];
	unsigned char stack[TRAMPFD_STACK_MAX + 64];
};

void context_init(struct context *c, unsigned int trampoline,
		  unsigned long pc);
void context_reg(struct context *c, unsigned int name, uint64_t value);
/* The data is made up from @seed. */
void context_stack(struct context *c, unsigned int size, unsigned int skip,
		   unsigned char seed);
struct trampfd_contexts context_argument(struct context *c);
/* Number of contexts done, so 1. */
int context_set(int fd, struct context *c);
/* Two of two registers each and no stack data, in one call. */
int context_set_both(int fd, const struct context c[2]);
int context_get(int fd, unsigned int trampoline, struct context *c);
/* The order of registers has no meaning. */
bool context_equal(const struct context *a, const struct context *b);

/* Trampolines that load @value into ARCH_DATA_REG and go to arch_data(). */
int set_value(int fd, unsigned int trampoline, unsigned long value);
/* The same for @count of them, with values from @value on. */
int set_values(int fd, unsigned int first, unsigned int count,
	       unsigned long value);
/* With flags in each record. */
int set_values_as(int fd, unsigned int first, unsigned int count,
		  unsigned long value, unsigned int flags);
int remove_range(int fd, unsigned int first, unsigned int count);
int remove_one(int fd, unsigned int trampoline);
int seal_one(int fd, unsigned int trampoline);
int allow(int fd, const uint64_t *pcs, unsigned int count);
/* The value that TRAMPFD_GET tells, or the errno. */
int get_value(int fd, unsigned int trampoline, unsigned long *value);
/* Whether TRAMPFD_GET says that it has this value, or that it is not set. */
bool has_value(int fd, unsigned int trampoline, unsigned long value);
bool is_unset(int fd, unsigned int trampoline);

/* Call it as a function. */
unsigned long call(const void *entry);

/* The signal that stopped one of the functions below. */
struct trap {
	int signo;
	int code;
	void *addr;
	struct cpu_state state;
};

/* The calling thread's last one. */
extern __thread struct trap trap;

/*
 * These do what they say, and return 0, or the number of the signal that it
 * caused.  Each thread that uses them calls trap_init() first.
 */
void trap_init(void);
int try_call(const void *entry, unsigned long *value);
int try_load(const void *addr);
int try_store(void *addr);
/* @target is what arch_run() returns. */
int try_run(const struct cpu_state *in, const void *entry, enum arch_how how,
	    struct cpu_state *out, int *target);
/* For what else may fault. */
int try_function(void (*fn)(void *arg), void *arg);

/* Does a call of @entry give @value? */
bool gives(const void *entry, unsigned long value);
/* Is @addr, when called, what a page without permissions is? */
bool is_plain(const void *addr);
/* Is @addr, when called, what an address without a mapping is? */
bool is_unmapped(const void *addr);
/* Was the last trap at this entry, or where its code leads when it is unset? */
bool trap_at(const void *entry);
/* Was the last trap that of a page without permissions, at @addr? */
bool trap_is_plain(const void *addr);

/* Not every CPU has memory that can be read and not executed. */
bool data_runs(void);

/*
 * Where caches go by the virtual address, shared mappings can only be at some
 * pages.
 */
bool shared_at_any_page(void);
#define NO_SUCH_PAGE	"a shared mapping can't be at any page here"

/* A private stack of @pages pages between two pages without permissions. */
struct test_stack {
	char *mem;
	size_t size;
};

int stack_open(struct test_stack *s, unsigned int pages);
void stack_close(struct test_stack *s);
/* The stack pointer that leaves @bytes below it in the stack. */
unsigned long stack_pointer(const struct test_stack *s, size_t bytes);

/*
 * Contexts of which every part tells the same generation, so that a mixture of
 * two of them is seen.
 */
void generation_context(struct context *c, unsigned int trampoline,
			unsigned int generation);
/* Is this what a call from @in with one of these contexts gives? */
bool generation_whole(const struct cpu_state *in, enum arch_how how,
		      const struct cpu_state *out, int target,
		      unsigned int *generation);

/* Do all registers but the PC and those that @c names have their value? */
bool state_kept(const struct cpu_state *in, const struct cpu_state *out,
		const struct context *c);

/* Exit status of a child, or 128 plus the signal that ended it. */
int child_status(pid_t pid);

/* Files of /proc, /sys and the like.  A read one ends in a NUL. */
ssize_t file_read(const char *path, char *buf, size_t size);
int file_write(const char *path, const char *text);
int file_write_number(const char *path, long long number);
int file_read_number(const char *path, long long *number);
/* The number behind the first occurrence of @key in the file. */
int file_find_number(const char *path, const char *key, long long *number);

/* Where a file system is mounted; mounts it if it is not.  NULL if it can't. */
const char *mounted(const char *type, const char *usual);

/* Objects in use of a slab cache, those that are only kept for reuse included. */
int slab_objects(const char *cache, long long *objects);
/* Those that are still in use when nothing is given back any more. */
int slab_objects_left(const char *cache, long long *objects);

/* Does it appear in @text? */
bool contains(const char *text, const char *part);

/* The line of /proc/self/maps, and the VmFlags and numbers of its smaps. */
bool maps_line(const void *addr, char *line, size_t size);
/* How many mappings it lists, those of the heap left out. */
int nmappings(void);
int smaps_flags(const void *addr, char *flags, size_t size);
int smaps_number(const void *addr, const char *key, long long *number);

/* The descriptor that is made next; if it is the same again, none leaked. */
int next_descriptor(void);

/* Pass a descriptor through a Unix socket. */
int send_descriptor(int sock, int fd);
int receive_descriptor(int sock);

/* Keep the calling thread on CPU @n, counted round. */
void run_on_cpu(unsigned int n);

/* Wait for, or give, the other side of a pipe one byte. */
int pipe_wait(int fd);
int pipe_tell(int fd);

#endif /* TRAMPFD_UTIL_H */
