/* SPDX-License-Identifier: BSD-2-Clause */
/* The frontend's way through the device states. What comes next is xenbus_next()'s word; here is
 * what it needs to know. */
#include "device.h"

static void changed(void *arg)
{
	(void)arg; /* the waiting loop looks for itself */
}

static int leaf_path(char *out, size_t size, const char *dir, const char *leaf)
{
	return os_format(out, size, "%s/%s", dir, leaf) < (int)size ? 0 : -XEN_E2BIG;
}

long device_find(const char *type, unsigned int n)
{
	char dir[64], list[512], *p, *end;
	long id;
	int len;

	os_format(dir, sizeof(dir), "device/%s", type);
	len = store_list(0, dir, list, sizeof(list));
	if (len < 0)
		return len;
	for (p = list, end = list + len; p < end && n; n--)
		p += strlen(p) + 1;
	if (p >= end)
		return -XEN_ENOENT;
	for (id = 0; *p >= '0' && *p <= '9'; p++)
		id = id * 10 + (*p - '0');
	return *p ? -XEN_EINVAL : id;
}

int device_open(struct device *d, const char *type, unsigned long id)
{
	memset(d, 0, sizeof(*d));
	d->id = id;
	if (os_format(d->front, sizeof(d->front), "device/%s/%lu", type, id) >=
	    (int)sizeof(d->front))
		return -XEN_E2BIG;
	return device_reopen(d);
}

int device_reopen(struct device *d)
{
	char path[XENBUS_PATH_MAX];
	uint64_t backend;
	int rc;

	leaf_path(path, sizeof(path), d->front, "backend");
	rc = store_read(0, path, d->back, sizeof(d->back));
	if (rc < 0)
		return rc;
	leaf_path(path, sizeof(path), d->front, "backend-id");
	rc = store_read_number(0, path, &backend);
	if (rc)
		return rc;
	if (backend >= DOMID_FIRST_RESERVED)
		return -XEN_EINVAL;
	d->backend = backend;
	return device_state(d, 0, XenbusStateInitialising);
}

int device_put(struct device *d, store_txn_t t, const char *leaf, const char *fmt, ...)
{
	char path[XENBUS_PATH_MAX], val[64];
	va_list ap;

	va_start(ap, fmt);
	os_vformat(val, sizeof(val), fmt, ap);
	va_end(ap);
	if (leaf_path(path, sizeof(path), d->front, leaf))
		return -XEN_E2BIG;
	return store_write(t, path, val);
}

uint64_t device_get(struct device *d, const char *leaf, uint64_t otherwise)
{
	char path[XENBUS_PATH_MAX + 32];
	uint64_t val;

	if (leaf_path(path, sizeof(path), d->back, leaf) || store_read_number(0, path, &val))
		return otherwise;
	return val;
}

int device_state(struct device *d, store_txn_t t, XenbusState state)
{
	char text[2];
	int rc;

	xenbus_state_format(state, text);
	rc = device_put(d, t, "state", "%s", text);
	if (!rc)
		d->mine = state;
	return rc;
}

static enum xenbus_step next_step(struct device *d)
{
	struct xenbus_view v = { .side = XENBUS_FRONTEND, .mine = d->mine, .online = true };
	char path[XENBUS_PATH_MAX + 8], text[8];
	int n;

	leaf_path(path, sizeof(path), d->back, "state");
	n = store_read(0, path, text, sizeof(text));
	v.theirs_exists = n >= 0;
	v.theirs = n >= 0 ? xenbus_state_parse(text, n) : XenbusStateUnknown;
	return xenbus_next(&v);
}

int device_await(struct device *d, enum xenbus_step step, unsigned int ms)
{
	char path[XENBUS_PATH_MAX + 8];
	enum xenbus_step now;
	int rc;

	leaf_path(path, sizeof(path), d->back, "state");
	rc = store_watch(path, changed, d);
	if (rc)
		return rc;
	for (;;) {
		now = next_step(d);
		if (now == step) {
			rc = 0;
			break;
		}
		if (now == STEP_CLOSE || now == STEP_FREE || now == STEP_FAIL) {
			rc = -XEN_ENODEV;
			break;
		}
		if (!os_wait(store_pending, NULL, ms)) {
			rc = -XEN_ETIMEDOUT;
			break;
		}
		store_run();
	}
	store_unwatch(path, changed, d);
	return rc;
}

/* Is the backend in this state of its end, or further? */
static bool is_over(struct device *d, XenbusState least)
{
	char path[XENBUS_PATH_MAX + 8], text[8];
	XenbusState theirs;
	int n;

	leaf_path(path, sizeof(path), d->back, "state");
	n = store_read(0, path, text, sizeof(text));
	theirs = n >= 0 ? xenbus_state_parse(text, n) : XenbusStateClosed;
	return theirs == XenbusStateClosed || theirs == least ||
	       theirs == XenbusStateInitialising ||
	       theirs == XenbusStateInitWait; /* these of one that began anew */
}

static bool await_end(struct device *d, XenbusState least, unsigned int ms)
{
	char path[XENBUS_PATH_MAX + 8];
	bool over;

	leaf_path(path, sizeof(path), d->back, "state");
	if (store_watch(path, changed, d))
		return is_over(d, least);
	while (!(over = is_over(d, least)) && os_wait(store_pending, NULL, ms))
		store_run();
	store_unwatch(path, changed, d);
	return over;
}

/* Some backends let go of the rings at Closing, others at Closed. */
void device_close(struct device *d, unsigned int ms)
{
	bool heard;

	device_state(d, 0, XenbusStateClosing);
	heard = await_end(d, XenbusStateClosing, ms);
	device_state(d, 0, XenbusStateClosed);
	if (heard)
		await_end(d, XenbusStateClosed, ms);
}
