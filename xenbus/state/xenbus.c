/* SPDX-License-Identifier: BSD-2-Clause */
/* Xenbus devices: paths, states, and the next step of either half. */
#include <string.h>

#include "xenbus/state/xenbus.h"

/* Text put together without stdio; full once it did not fit. */
struct text {
	char *out;
	size_t len, size;
	bool full;
};

static void add_bytes(struct text *t, const char *s, size_t n)
{
	if (t->full || t->size - t->len <= n) {
		t->full = true;
		return;
	}
	memcpy(t->out + t->len, s, n);
	t->len += n;
	t->out[t->len] = '\0';
}

static void add(struct text *t, const char *s)
{
	add_bytes(t, s, strlen(s));
}

static void add_number(struct text *t, uint32_t n)
{
	char digits[10];
	size_t at = sizeof(digits);

	do {
		digits[--at] = '0' + n % 10;
		n /= 10;
	} while (n);
	add_bytes(t, digits + at, sizeof(digits) - at);
}

static void add_dir(struct text *t, const struct xenbus_device *d, enum xenbus_side side)
{
	add(t, "/local/domain/");
	add_number(t, side == XENBUS_FRONTEND ? d->frontend : d->backend);
	add(t, side == XENBUS_FRONTEND ? "/device/" : "/backend/");
	add(t, d->type);
	if (side == XENBUS_BACKEND) {
		add(t, "/");
		add_number(t, d->frontend);
	}
}

size_t xenbus_dir(char *out, size_t size, const struct xenbus_device *d, enum xenbus_side side)
{
	struct text t = { .out = out, .size = size, .full = !size };

	add_dir(&t, d, side);
	return t.full ? 0 : t.len;
}

size_t xenbus_path(char *out, size_t size, const struct xenbus_device *d, enum xenbus_side side,
		   const char *leaf)
{
	struct text t = { .out = out, .size = size, .full = !size };

	add_dir(&t, d, side);
	add(&t, "/");
	add_number(&t, d->id);
	if (leaf) {
		add(&t, "/");
		add(&t, leaf);
	}
	return t.full ? 0 : t.len;
}

static bool skip(const char **p, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*p, prefix, n))
		return false;
	*p += n;
	return true;
}

/* A decimal number up to max that a slash or the end follows. */
static bool cut_number(const char **p, uint32_t max, uint32_t *n)
{
	uint64_t v = 0;

	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		v = v * 10 + (**p - '0');
		if (v > max)
			return false;
	}
	*n = v;
	return !**p || **p == '/';
}

bool xenbus_parse(const char *path, enum xenbus_side side, struct xenbus_device *d, size_t *type_len)
{
	uint32_t owner, peer = 0;

	if (!skip(&path, "/local/domain/") || !cut_number(&path, UINT16_MAX, &owner) ||
	    !skip(&path, side == XENBUS_FRONTEND ? "/device/" : "/backend/"))
		return false;
	d->type = path;
	while (*path && *path != '/')
		path++;
	*type_len = path - d->type;
	if (!*type_len || !skip(&path, "/"))
		return false;
	if (side == XENBUS_BACKEND && (!cut_number(&path, UINT16_MAX, &peer) || !skip(&path, "/")))
		return false;
	if (!cut_number(&path, UINT32_MAX, &d->id))
		return false;
	d->frontend = side == XENBUS_FRONTEND ? owner : peer;
	d->backend = side == XENBUS_FRONTEND ?
			     0 :
			     owner; /* the frontend's path does not name its backend */
	return true;
}

static const char *const names[] = {
	"Unknown", "Initialising", "InitWait",	    "Initialised",  "Connected",
	"Closing", "Closed",	   "Reconfiguring", "Reconfigured",
};

#define NR_STATES (sizeof(names) / sizeof(names[0]))

const char *xenbus_state_name(XenbusState state)
{
	return (unsigned)state < NR_STATES ? names[state] : "Unknown";
}

XenbusState xenbus_state_parse(const char *text, size_t len)
{
	if (len != 1 || text[0] < '0' || text[0] >= '0' + (int)NR_STATES)
		return XenbusStateUnknown;
	return (XenbusState)(text[0] - '0');
}

void xenbus_state_format(XenbusState state, char out[2])
{
	out[0] = '0' + ((unsigned)state < NR_STATES ? state : 0);
	out[1] = '\0';
}

enum xenbus_hotplug xenbus_hotplug_parse(const char *text, size_t len)
{
	if (len == 9 && !memcmp(text, "connected", 9))
		return HOTPLUG_CONNECTED;
	return len == 5 && !memcmp(text, "error", 5) ? HOTPLUG_ERROR : HOTPLUG_WAITS;
}

/* Reconfiguring and back happens within a connection. */
static XenbusState plain(XenbusState s)
{
	return s == XenbusStateReconfiguring || s == XenbusStateReconfigured ?
		       XenbusStateConnected :
		       s;
}

static enum xenbus_step backend_next(const struct xenbus_view *v)
{
	XenbusState mine = plain(v->mine), theirs = plain(v->theirs);

	if (!v->theirs_exists || theirs == XenbusStateClosed || theirs == XenbusStateUnknown) {
		if (mine != XenbusStateClosed && mine != XenbusStateInitialising &&
		    mine != XenbusStateInitWait)
			return STEP_CLOSE;
		if (!v->theirs_exists || !v->online)
			return mine == XenbusStateClosed || !v->theirs_exists ? STEP_FREE :
										STEP_CLOSE;
		return mine == XenbusStateInitialising && v->hotplug != HOTPLUG_ERROR ? STEP_OFFER :
											STEP_WAIT;
	}
	if (theirs == XenbusStateClosing)
		return mine == XenbusStateClosed ? STEP_WAIT : STEP_CLOSE;
	switch (mine) {
	case XenbusStateUnknown:
	case XenbusStateInitialising: return v->hotplug == HOTPLUG_ERROR ? STEP_FAIL : STEP_OFFER;
	case XenbusStateInitWait:
		if (theirs != XenbusStateInitialised && theirs != XenbusStateConnected)
			return STEP_WAIT;
		return v->hotplug == HOTPLUG_CONNECTED ? STEP_CONNECT :
		       v->hotplug == HOTPLUG_ERROR     ? STEP_FAIL :
							 STEP_WAIT;
	case XenbusStateConnected:
		/*
		 * a frontend that starts over without closing left its rings: they are not to be
		 * used again
		 */
		return theirs == XenbusStateInitialising || theirs == XenbusStateInitWait ?
			       STEP_FAIL :
			       STEP_WAIT;
	case XenbusStateClosing: return STEP_CLOSE;
	case XenbusStateClosed:
		if (theirs ==
		    XenbusStateInitialising) /* a kernel that was rebooted, or kexec: once more */
			return v->online ? STEP_OFFER : STEP_FREE;
		return STEP_WAIT;
	default: return STEP_WAIT;
	}
}

static enum xenbus_step frontend_next(const struct xenbus_view *v)
{
	XenbusState mine = plain(v->mine), theirs = plain(v->theirs);

	if (!v->theirs_exists || theirs == XenbusStateClosing || theirs == XenbusStateClosed) {
		if (mine ==
		    XenbusStateInitialising) /* still closing from the last time, or not made yet */
			return STEP_WAIT;
		if (mine == XenbusStateClosed)
			return v->theirs_exists ? STEP_WAIT : STEP_FREE;
		return STEP_CLOSE;
	}
	switch (mine) {
	case XenbusStateUnknown:
	case XenbusStateInitialising:
		return theirs == XenbusStateInitWait ? STEP_PUBLISH : STEP_WAIT;
	case XenbusStateInitialised:
		return theirs == XenbusStateConnected ? STEP_CONNECT : STEP_WAIT;
	case XenbusStateConnected: return theirs == XenbusStateInitialising ? STEP_FAIL : STEP_WAIT;
	case XenbusStateClosing: return STEP_CLOSE;
	default: return STEP_WAIT;
	}
}

enum xenbus_step xenbus_next(const struct xenbus_view *v)
{
	return v->side == XENBUS_BACKEND ? backend_next(v) : frontend_next(v);
}

const char *xenbus_step_name(enum xenbus_step step)
{
	static const char *const steps[] = { "wait",  "offer", "publish", "connect",
					     "close", "free",  "fail" };

	return (unsigned)step < sizeof(steps) / sizeof(steps[0]) ? steps[step] : "wait";
}
