/* SPDX-License-Identifier: GPL-2.0 */
/* What the two parts of the tables that one thread owns share. */
#ifndef TRAMPFD_FUZZ_STORM_OWN_H
#define TRAMPFD_FUZZ_STORM_OWN_H

#include "storm.h"

/* storm_own.c: what is mapped where */
unsigned int any_spot(struct worker *w, const struct own *o);
int any_fd(struct worker *w, const struct own *o);
const char *any_mapped(struct worker *w, const struct own *o);
/* A descriptor, an address, or both; false if there is none. */
bool own_name(struct worker *w, const struct own *o, int *fd, const void **addr);

/* storm_set.c: what is set */
void own_calls(struct worker *w, struct own *o);
/* Call any trampoline whose fault entry is in this page. */
void own_call_at(struct worker *w, struct own *o, const struct place *place,
		 unsigned int page);
void own_set(struct worker *w, struct own *o);
void own_remove(struct worker *w, struct own *o);
void own_seal(struct worker *w, struct own *o);
void own_get(struct worker *w, struct own *o);
void own_allow(struct worker *w, struct own *o);
/* Calls that are always refused, and what /proc tells. */
void own_errors(struct worker *w, struct own *o);

#endif /* TRAMPFD_FUZZ_STORM_OWN_H */
