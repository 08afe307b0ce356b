// SPDX-License-Identifier: GPL-2.0
/* Tables that live for a turn, calls that are always wrong, and descriptors on their way. */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "storm.h"

/* One thing about it is wrong. */
static void spoil_attr(struct worker *w, struct trampfd_attr *attr,
		       size_t *size, unsigned int *flags)
{
	const unsigned int any = 1U << choose(&w->choices, 32);

	switch (choose(&w->choices, 9)) {
	case 0:
		attr->type = 2 + choose(&w->choices, 100);
		break;
	case 1:
		attr->ntrampolines = 0;
		break;
	case 2:
		attr->ntrampolines = TRAMPFD_TRAMPOLINES_MAX + any;
		if (attr->ntrampolines <= TRAMPFD_TRAMPOLINES_MAX)
			attr->ntrampolines = UINT32_MAX;
		break;
	case 3:
		attr->reserved = any;
		break;
	case 4:
		*size = choose(&w->choices, TRAMPFD_ATTR_SIZE_VER0);
		break;
	case 5:
		*size = options.page + 1 + choose(&w->choices, 1000);
		break;
	case 6:
		*flags = any & ~TRAMPFD_SHARED ?: 2;
		break;
	case 7:
		if (attr->type == TRAMPFD_CODE)
			*flags = TRAMPFD_SHARED;
		else
			attr->shape[choose(&w->choices, SHAPE_REGS)] = any;
		break;
	default:
		/* Also one for TRAMPFD_FAULT, which has none. */
		attr->shape_nregs = 1 + choose(&w->choices, SHAPE_REGS);
		attr->shape[0] = arch_refused[choose(&w->choices,
						     arch_nrefused)].number;
		break;
	}
}

void make_bad(struct worker *w)
{
	struct trampfd_attr attr = {
		.type = chance(&w->choices, 50) ? TRAMPFD_FAULT : TRAMPFD_CODE,
		.ntrampolines = 1 + choose(&w->choices, 1000),
	};
	size_t size = sizeof(attr);
	unsigned int flags = 0;
	char *addr = (char *)(uintptr_t)choose_any(&w->choices);
	long ret;

	spoil_attr(w, &attr, &size, &flags);
	fail_begin(w);
	ret = create(&attr, size, flags);
	fail_end(w);
	if (check(w, "trampfd_create of what is wrong", ret,
		  ERRORS(EINVAL, E2BIG, EFAULT, EPERM, EOPNOTSUPP, EMFILE,
			 ENFILE, ENOMEM, EDQUOT)) >= 0)
		differs("trampfd_create: type %u, %u trampolines, size %zu, flags %#x",
			attr.type, attr.ntrampolines, size, flags);

	if (chance(&w->choices, 50))
		addr = (char *)w;
	/* If it is one of a table by chance, there is no such operation. */
	if (check(w, "trampfd_control somewhere",
		  control_at(addr, 0, NULL, chance(&w->choices, 20)),
		  ERRORS(EINVAL, ENXIO, ENOTTY, EPERM)) >= 0)
		differs("trampfd_control at %p", addr);
}

/*
 * Big tables.  There are addresses for one at a time.
 */

static char *big;

void big_init(void)
{
	big = mmap(NULL, TRAMPFD_TRAMPOLINES_MAX * 16, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (big == MAP_FAILED)
		differs("no addresses for a big table");
}

static void use_big(struct worker *w, struct table *t)
{
	const unsigned int per_page = options.page / 16;
	unsigned int i, n = 1 + choose(&w->choices, 30), done;
	unsigned int pages = t->attr.ntrampolines / per_page;
	struct batch *b = &w->batch;

	batch_begin(w);
	for (i = 0; i < n; i++)
		batch_add(w, t, per_page, choose(&w->choices, pages) * SPOTS,
			  make_version(FLAVOR_ALL, i), 0);
	done = batch_set(w, t->fd, NULL);
	if (map_at(w, "mmap of a big table", big, t->attr.map_size, PROT_NONE,
		   t->attr.map_flags | MAP_FIXED, t->fd, 0,
		   ERRORS(ENOMEM, EDQUOT)))
		return;
	if (chance(&w->choices, 50)) {
		close(t->fd);
		t->fd = -1;
	}
	t->base = big;
	for (i = 0; i < done; i++) {
		unsigned int number = b->rec[i].trampoline, k;
		struct attempt a = {
			.t = t,
			.entry = table_entry(t, number),
			.fault = table_entry(t, number),
			.way = choose(&w->choices, 2),
		};

		/* The last record of a trampoline is what counts. */
		for (k = i + 1; k < done; k++)
			if (b->rec[k].trampoline == number)
				break;
		if (k < done)
			continue;
		attempt(w, &a);
		if (!a.hit || a.version != b->want[i].version)
			differs("trampoline %u of a big table: version %u, not %u",
				number, a.version, b->want[i].version);
	}
}

void make_big(struct worker *w)
{
	unsigned int n = TRAMPFD_TRAMPOLINES_MAX >> choose(&w->choices, 6);
	struct table t;
	long ret;

	if (__atomic_exchange_n(&self.big_locked, true, __ATOMIC_SEQ_CST))
		return;
	fail_begin(w);
	ret = table_create(&t, n, 0);
	fail_end(w);
	if (!check(w, "trampfd_create of a big table", ret,
		   ERRORS(EDQUOT, EPERM, EMFILE, ENFILE, ENOMEM))) {
		use_big(w, &t);
		if (t.fd >= 0)
			close(t.fd);
		map_plain(w, big, TRAMPFD_TRAMPOLINES_MAX * 16);
	}
	__atomic_store_n(&self.big_locked, false, __ATOMIC_SEQ_CST);
}

/*
 * Descriptors on their way from one process to another, or to itself.
 */

union room {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void message(struct msghdr *msg, struct iovec *iov, union room *room,
		    struct trampfd_attr *attr)
{
	memset(room, 0, sizeof(*room));
	iov->iov_base = attr;
	iov->iov_len = sizeof(*attr);
	memset(msg, 0, sizeof(*msg));
	msg->msg_iov = iov;
	msg->msg_iovlen = 1;
	msg->msg_control = room;
	msg->msg_controllen = sizeof(*room);
}

static void send_fd(struct worker *w, struct table *t, int fd)
{
	struct cmsghdr *header;
	struct msghdr msg;
	union room room;
	struct iovec iov;

	message(&msg, &iov, &room, &t->attr);
	header = CMSG_FIRSTHDR(&msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	checked(w, "sendmsg", sendmsg(options.sock[0], &msg, MSG_DONTWAIT),
		ERRORS(EAGAIN, ENOBUFS, ENOMEM, ETOOMANYREFS));
}

void send_table(struct worker *w)
{
	unsigned int i, n = 1 + choose(&w->choices, PAGES);
	struct table t;
	long ret;
	int fd;

	if (chance(&w->choices, 40)) {
		fd = own_descriptor(w, &t);
		if (fd < 0) {
			t = pools[POOL_FAULT].t;
			fd = t.fd;
		}
		send_fd(w, &t, fd);
		return;
	}
	/* The receivers may do with it what they want. */
	ret = table_create(&t, n * options.page / 16, TRAMPFD_SHARED);
	if (check(w, "trampfd_create of a table to be sent", ret,
		  ERRORS(EDQUOT, EPERM, EMFILE, ENFILE, ENOMEM)))
		return;
	batch_begin(w);
	for (i = 0; i < SPOTS; i++)
		batch_add(w, &t, options.page / 16,
			  choose(&w->choices, n * SPOTS), any_version(w), 0);
	batch_set(w, t.fd, NULL);
	send_fd(w, &t, t.fd);
	close(t.fd);
}

static int receive_fd(struct worker *w, struct trampfd_attr *attr)
{
	struct cmsghdr *header;
	struct msghdr msg;
	union room room;
	struct iovec iov;
	long ret;
	int fd;

	message(&msg, &iov, &room, attr);
	ret = checked(w, "recvmsg",
		      recvmsg(options.sock[1], &msg,
			      MSG_DONTWAIT | MSG_CMSG_CLOEXEC),
		      ERRORS(EAGAIN, ENOMEM));
	header = CMSG_FIRSTHDR(&msg);
	/* Without a free number there is no descriptor. */
	if (ret < 0 || !header || header->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static void use_received(struct worker *w, struct table *t)
{
	const bool shared = t->attr.map_flags == MAP_SHARED;
	const unsigned int per_page = options.page / t->attr.stride;
	const unsigned int pages = t->attr.map_size / options.page;
	unsigned int i, n = choose(&w->choices, 8);
	char *place = own_place(w, OWN_FAULT, PLACES);

	/*
	 * A private one is there if the mm is that of the sender, or of a child of it.
	 * Then it is another thread's, or another one's to remember.
	 */
	get_begin(w, 8, RECORDS * TRAMPFD_REGS_MAX, TRAMPFD_CONTEXTS_NEXT);
	w->batch.rec[0].trampoline = 0;
	check(w, "TRAMPFD_GET of what was received",
	      operate(w, t->fd, NULL, TRAMPFD_GET, &w->batch.arg),
	      ERRORS(ENOMEM, shared ? ENOMEM : EPERM));
	if (t->attr.type == TRAMPFD_CODE)
		return;
	if (shared) {
		batch_begin(w);
		for (i = 0; i < n; i++)
			batch_add(w, t, per_page,
				  choose(&w->choices, pages * SPOTS),
				  any_version(w), 0);
		if (n)
			batch_set(w, t->fd, NULL);
	}
	if (map_at(w, "mmap of what was received", place, t->attr.map_size,
		   t->attr.map_prot, t->attr.map_flags | MAP_FIXED, t->fd, 0,
		   ERRORS(ENOMEM, EDQUOT, shared ? ENOMEM : EPERM,
			  options.shared_anywhere ? ENOMEM : EINVAL)))
		return;
	t->base = place;
	for (i = 0; i < n; i++) {
		struct attempt a = { .t = t, .way = BY_CALL };

		a.entry = table_entry(t, spot_number(per_page,
						     choose(&w->choices,
							    pages * SPOTS)));
		a.fault = a.entry;
		attempt(w, &a);
	}
	if (chance(&w->choices, 50))
		map_plain(w, place, PAGES * options.page);
}

void receive_table(struct worker *w)
{
	struct table t = { .base = MAP_FAILED };

	t.fd = receive_fd(w, &t.attr);
	if (t.fd < 0)
		return;
	use_received(w, &t);
	close(t.fd);
}
