// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts that are made of a number, their version, and that tell it again.  Every
 * part depends on the version, so that a mixture of two is seen.
 */
#include <string.h>
#include <sys/mman.h>

#include "storm.h"

/* What chains go to, NULL before there is any. */
static const struct table *chain;

/*
 * The low bits choose the target, as in generation_context().  Versions of a lane
 * differ in the lowest one alone.
 */
enum flavor flavor(unsigned int version)
{
	return version >> 4 & (NFLAVORS - 1);
}

unsigned int make_version(enum flavor flavor, unsigned int n)
{
	return ((n & 15) | flavor << 4 | n >> 4 << 7) % VERSIONS;
}

void chain_to(const struct table *t)
{
	chain = t;
}

/* Every eighth is a stable one. */
#define CHAINS	(NSPOTS / 8)

static unsigned int chain_spot(unsigned int version)
{
	return version % CHAINS * 8;
}

static unsigned long chain_pc(unsigned int version)
{
	unsigned int per_page = options.page / chain->attr.stride;
	unsigned int n = spot_number(per_page, chain_spot(version));

	return (unsigned long)chain->base + n * chain->attr.stride;
}

unsigned int stable_version(const struct table *t, unsigned int spot)
{
	/* What a chain leads to has to set all registers. */
	return make_version(t == chain ? FLAVOR_ALL : spot / 8 % NFLAVORS, spot);
}

/*
 * What is shared has no trampoline that is at the same address in all processes.  And
 * where code jumps through a register that no context has, that one tells of a chain.
 */
bool is_chain(const struct table *t, unsigned int version)
{
#ifdef ARCH_JUMP_REG
	if (t->attr.type == TRAMPFD_CODE)
		return false;
#endif
	return flavor(version) == FLAVOR_CHAIN && chain &&
	       t->attr.map_flags == MAP_PRIVATE;
}

static bool is_lane(unsigned int version)
{
	return flavor(version) >= FLAVOR_LANE;
}

/* Two versions have the same one. */
static unsigned int value_version(unsigned int version)
{
	return is_lane(version) ? version & ~1U : version;
}

static uint64_t version_value(unsigned int version, unsigned int name)
{
	unsigned long value;

	version = value_version(version);
	if (name == ARCH_DATA_REG)
		return version;
	value = (version + 1) * 0x9e3779b1U;
	/* Both halves, where a register has two. */
	value |= value << (4 * sizeof(value) - 1) << 1;
	return value ^ (unsigned long)name << 24;
}

static unsigned int version_hash(unsigned int version)
{
	version *= 0x85ebca6bU;
	return version ^ version >> 15;
}

static bool names(const struct context *c, unsigned int name)
{
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++)
		if (c->reg[i].name == name)
			return true;
	return false;
}

static void add_value(struct context *c, unsigned int name, unsigned int version)
{
	if (!names(c, name))
		context_reg(c, name, version_value(version, name));
}

static void add_some(struct context *c, unsigned int version)
{
	unsigned int hash = version_hash(version), size;
	size_t i;

	for (i = 0; i < arch_nsettable; i++)
		if (hash >> i % 16 & 1)
			add_value(c, arch_settable[i].number, version);
	size = (hash >> 16) % 9 * ARCH_WORD;
	context_stack(c, size,
		      size ? ARCH_RED_ZONE + (hash >> 24) % 4 * ARCH_WORD : 0,
		      version);
}

void version_context(const struct table *t, struct context *c,
		     unsigned int trampoline, unsigned int version)
{
	const enum flavor kind = flavor(version);
	unsigned int i;

	if (kind == FLAVOR_ALL) {
		generation_context(c, trampoline, version);
		return;
	}
	context_init(c, trampoline,
		     is_chain(t, version) ? chain_pc(version) :
					    arch_target(version % ARCH_NTARGETS));
	for (i = 0; i < t->attr.shape_nregs; i++)
		add_value(c, t->attr.shape[i], version);
	/* Without a shape, code loads nothing in the fast lane. */
	if (kind == FLAVOR_DATA || kind == FLAVOR_SOME || kind == FLAVOR_MORE ||
	    (is_lane(version) && t->attr.type == TRAMPFD_FAULT))
		add_value(c, ARCH_DATA_REG, version);
	if (kind == FLAVOR_SOME || kind == FLAVOR_MORE)
		add_some(c, version);
}

unsigned int version_result(const struct table *t, unsigned int version)
{
	struct context c;

	if (is_chain(t, version))
		return stable_version(chain, chain_spot(version));
	version_context(t, &c, 0, version);
	return names(&c, ARCH_DATA_REG) ? version :
					  BARE(version % ARCH_NTARGETS);
}

static bool in_shape(const struct table *t, unsigned int name)
{
	unsigned int i;

	for (i = 0; i < t->attr.shape_nregs; i++)
		if (t->attr.shape[i] == name)
			return true;
	return name == ARCH_PC;
}

bool fits_lane(const struct table *t, unsigned int version)
{
	struct context c;
	unsigned int i;

	version_context(t, &c, 0, version);
	for (i = 0; i < c.rec.nregs; i++)
		if (!in_shape(t, c.reg[i].name))
			return false;
	return !c.rec.stack_size;
}

bool same_values(const struct table *t, unsigned int a, unsigned int b)
{
	struct context x, y;
	unsigned int i, j;

	version_context(t, &x, 0, a);
	version_context(t, &y, 0, b);
	for (i = 0; i < x.rec.nregs; i++) {
		if (x.reg[i].name == ARCH_PC || !in_shape(t, x.reg[i].name))
			continue;
		for (j = 0; j < y.rec.nregs; j++)
			if (y.reg[j].name == x.reg[i].name &&
			    y.reg[j].value != x.reg[i].value)
				return false;
	}
	return true;
}

static unsigned long context_target(const struct context *c)
{
	unsigned int i = 0;

	while (c->reg[i].name != ARCH_PC)
		i++;
	return c->reg[i].value;
}

/* Of two versions that have this value, the one with this PC. */
static unsigned int version_of(unsigned long value, unsigned long pc)
{
	if (is_lane(value) && pc == arch_target((value | 1) % ARCH_NTARGETS))
		return value | 1;
	return value;
}

/* What has no value of its own: a PC alone. */
static bool bare_version(const struct context *c, unsigned int *version)
{
	unsigned int n;

	if (c->rec.nregs != 1 || c->rec.stack_size)
		return false;
	for (n = 0; n < ARCH_NTARGETS; n++) {
		*version = BARE(n);
		if (context_target(c) == arch_target(n))
			return true;
	}
	for (n = 0; chain && n < CHAINS; n++) {
		*version = stable_version(chain, chain_spot(n));
		if (context_target(c) == chain_pc(n))
			return true;
	}
	return false;
}

bool context_version(const struct table *t, const struct context *c,
		     unsigned int *version)
{
	struct context want, have = *c;
	unsigned int i;

	for (i = 0; i < c->rec.nregs; i++)
		if (c->reg[i].name == ARCH_DATA_REG)
			break;
	if (i == c->rec.nregs)
		return bare_version(c, version);
	if (c->reg[i].value >= VERSIONS)
		return false;
	*version = version_of(c->reg[i].value, context_target(c));
	version_context(t, &want, c->rec.trampoline, *version);
	have.rec.flags = 0;
	return want.rec.nregs == have.rec.nregs && context_equal(&want, &have);
}

bool call_version(const struct table *t, bool by_code, const struct cpu_state *in,
		  unsigned long sp, const struct cpu_state *out, int target,
		  unsigned int *version)
{
	const unsigned long value = out->reg[ARCH_DATA_REG];
	struct context c;

	if (target < 0)
		return false;
	if (value == in->reg[ARCH_DATA_REG]) {
		*version = BARE(target);
		context_init(&c, 0, arch_target(target));
	} else if (value < VERSIONS) {
		*version = version_of(value, arch_target(target));
		version_context(t, &c, 0, *version);
		if (!names(&c, ARCH_DATA_REG))
			return false;
	} else {
		return false;
	}
	if (context_target(&c) != arch_target(target))
		return false;
	sp -= c.rec.stack_size + c.rec.stack_skip;
	if (out->reg[ARCH_SP] != sp ||
	    memcmp((void *)sp, c.stack, c.rec.stack_size))
		return false;
	return by_code ? context_kept(in, out, &c) : state_kept(in, out, &c);
}
