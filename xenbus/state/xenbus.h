/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A xenbus device, seen from either half or from the toolstack: where its directories are, what its
 * state nodes mean, and what is to be done next. No libc beyond memory and string functions: a
 * guest kernel links this too.
 *
 *   frontend                      backend
 *   Initialising                  Initialising        the toolstack made both directories
 *   Initialising                  InitWait            features are published, hotplug is done
 *   Initialised or Connected      InitWait            rings are granted and published
 *   Connected                     Connected           it works
 *   Closing / Closed              Closing / Closed    either half begins, the other follows
 *
 * The other half is not to be trusted: every state it may write, in any order, leads to one step.
 */
#ifndef XENBUS_STATE_XENBUS_H
#define XENBUS_STATE_XENBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xenbus.h>

#define XENBUS_PATH_MAX 128 /* any path made here fits */

enum xenbus_side { XENBUS_FRONTEND, XENBUS_BACKEND };

struct xenbus_device {
	const char *type;	    /* "vbd", "vif", "console" ... */
	uint16_t frontend, backend; /* domains */
	uint32_t id;
};

/*
 * "/local/domain/5/device/vbd/768", "/local/domain/0/backend/vbd/5/768"; with leaf, "/" and it. 0
 * if out is too small.
 */
size_t xenbus_path(char *out, size_t size, const struct xenbus_device *d, enum xenbus_side side,
		   const char *leaf);
/*
 * the directory of all devices of a type: "/local/domain/5/device/vbd",
 * "/local/domain/0/backend/vbd/5"
 */
size_t xenbus_dir(char *out, size_t size, const struct xenbus_device *d, enum xenbus_side side);
/*
 * A path below either directory to its device; type points into path and is type_len long. False:
 * it is none.
 */
bool xenbus_parse(const char *path, enum xenbus_side side, struct xenbus_device *d,
		  size_t *type_len);

const char *xenbus_state_name(XenbusState state); /* "Connected"; never NULL */
/* a state node's value; XenbusStateUnknown for what is none */
XenbusState xenbus_state_parse(const char *text, size_t len);
/* its text, one digit and a NUL */
void xenbus_state_format(XenbusState state, char out[2]);

/*
 * hotplug-status, which the backend's directory has when a script or daemon has set the device up
 */
enum xenbus_hotplug { HOTPLUG_WAITS, HOTPLUG_CONNECTED, HOTPLUG_ERROR };
enum xenbus_hotplug xenbus_hotplug_parse(const char *text, size_t len);

/* What a half does next. */
enum xenbus_step {
	STEP_WAIT,    /* nothing; an event will come */
	STEP_OFFER,   /* backend: publish features, then InitWait */
	STEP_PUBLISH, /* frontend: read features, publish rings, then Initialised (or Connected) */
	STEP_CONNECT, /* map or use the rings, then Connected */
	STEP_CLOSE,   /* stop, let go of the rings, then Closed */
	STEP_FREE,    /* the device is to go for good */
	STEP_FAIL, /* the other half did what nobody may: say so in an error node, then Closing */
};

struct xenbus_view {
	enum xenbus_side side; /* ours */
	XenbusState mine, theirs;
	bool theirs_exists;	     /* their directory is there */
	bool online;		     /* backend: the toolstack wants the device; frontend: true */
	enum xenbus_hotplug hotplug; /* backend: HOTPLUG_CONNECTED if no script is awaited */
};

enum xenbus_step xenbus_next(const struct xenbus_view *v);
const char *xenbus_step_name(enum xenbus_step step);

#endif
