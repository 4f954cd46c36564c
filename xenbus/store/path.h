/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths as clients give them, and as the tree wants them. */
#ifndef XENBUS_STORE_PATH_H
#define XENBUS_STORE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include <stdint.h>
#include <xen/io/xs_wire.h>

struct conn;

struct path {
	char text[XENSTORE_ABS_PATH_MAX + 1]; /* absolute */
	size_t len;
	size_t prefix; /* bytes that were put in front of a relative path */
	bool special;  /* @introduceDomain, @releaseDomain: index in which */
	unsigned which;
};

/* -EINVAL with the reason in c->why. Special names only where the caller allows them. */
int path_parse(struct conn *c, const char *given, bool special, struct path *p);
/* what a watch may be on: any name that begins with @, too */
int watch_path(struct conn *c, const char *given, struct path *p);
extern const char *const special_names[];

#endif
