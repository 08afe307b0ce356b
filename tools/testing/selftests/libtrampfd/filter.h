/* SPDX-License-Identifier: GPL-2.0 */
/* Seccomp filters: how tests have the kernel refuse, clients/libffi's too. */
#ifndef LIBTRAMPFD_FILTER_H
#define LIBTRAMPFD_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* Have the rest of the process's system calls filtered. */
static inline bool filter(struct sock_filter *insns, unsigned short count)
{
	struct sock_fprog program = { count, insns };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Have a system call fail with an error. */
static inline bool refuse(unsigned int nr, unsigned int error)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return filter(insns, ARRAY_SIZE(insns));
}

#endif
