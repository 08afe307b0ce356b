/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The domains of the policy in selinux/, for the tests of trampfd and of libtrampfd that
 * enter them.
 */
#ifndef SELINUX_UTIL_H
#define SELINUX_UTIL_H

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN(name)	"system_u:system_r:" name
/* What all processes of the guest begin in. */
#define RUNNER		DOMAIN("trampfd_test_t")

#define NO_POLICY	"no SELinux that enforces the policy of selinux_test"

#define DOMAIN_FILE	"/proc/self/attr/current"

/* Does the file begin with @want?  If @length counts the 0 at its end, is it all there is? */
static inline bool file_begins(const char *path, const char *want, size_t length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[128] = "";
	bool same;

	if (fd < 0)
		return false;
	same = read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, want, length);
	close(fd);
	return same;
}

static inline bool in_domain(const char *context)
{
	return file_begins(DOMAIN_FILE, context, strlen(context) + 1);
}

static inline bool enter_domain(const char *context)
{
	const ssize_t length = strlen(context);
	int fd = open(DOMAIN_FILE, O_WRONLY | O_CLOEXEC);
	bool written;

	if (fd < 0)
		return false;
	written = write(fd, context, length) == length;
	close(fd);
	return written && in_domain(context);
}

static inline bool policy_enforced(void)
{
	return in_domain(RUNNER) && file_begins("/sys/fs/selinux/enforce", "1", 1);
}

#endif
