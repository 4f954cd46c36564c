/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes of the store one by one, as a command writes them: within node_transact() as a burst, where
 * the store has a socket, so that sixty nodes cost a few switches between processes; else request
 * by request.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/cli/burst.h"

static int burst_failed(struct cli *c, int rc, const char *doing)
{
	if (rc != -ECONNRESET && rc != -EAGAIN)
		why_set(c->why, TE_STORE, "%s: %s", doing, burst_why(c->burst));
	return rc;
}

int node_put(struct cli *c, store_txn_t t, const char *path, const char *value, size_t len)
{
	if (c->bursting)
		burst_write(c->burst, path, value, len);
	else if (store_write(c->store, t, path, value, len))
		return cli_store_failed(c, "cannot write the guest's nodes");
	return 0;
}

int node_write(struct cli *c, store_txn_t t, const char *dir, const char *name, const char *fmt, ...)
{
	char path[STORE_PATH_MAX], value[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(value) || store_path(path, "%s/%s", dir, name))
		return why_set(c->why, TE_CONFIG_VALUE, "%s is too long for the store", name);
	return node_put(c, t, path, value, (size_t)n);
}

int node_perms(struct cli *c, store_txn_t t, const char *path, uint32_t owner, uint32_t reader)
{
	struct store_perm perms[] = { { (uint16_t)owner, STORE_NONE },
				      { (uint16_t)reader, STORE_READ } };
	size_t count = reader == owner ? 1 : 2;

	if (c->bursting)
		burst_set_perms(c->burst, path, perms, count);
	else if (store_set_perms(c->store, t, path, perms, count))
		return cli_store_failed(c, "cannot make the guest's nodes");
	return 0;
}

int node_dir(struct cli *c, store_txn_t t, const char *path, uint32_t owner, uint32_t reader)
{
	if (c->bursting)
		burst_mkdir(c->burst, path);
	else if (store_mkdir(c->store, t, path))
		return cli_store_failed(c, "cannot make the guest's nodes");
	return node_perms(c, t, path, owner, reader);
}

void node_rm(struct cli *c, store_txn_t t, const char *fmt, ...)
{
	char path[STORE_PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (c->bursting)
		burst_rm(c->burst, path);
	else
		store_rm(c->store, t, path); /* not there is fine */
}

char *node_read(struct cli *c, store_txn_t t, const char *fmt, ...)
{
	char path[STORE_PATH_MAX], *value;
	const char *data;
	size_t number;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (!c->bursting)
		return store_read(c->store, t, path, &value, NULL) == 0 ? value : NULL;
	number = burst_read(c->burst, path);
	burst_settle(c->burst); /* what failed besides is told at the end */
	return burst_answer(c->burst, number, &data, NULL) == 0 ? strdup(data) : NULL;
}

/* Names behind one another, each with its NUL, as the list that store_list() gives. */
static char **names_of(const char *data, size_t len, size_t *count)
{
	char **list, *text;
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !data[i];
	list = malloc((n + 1) * sizeof(*list) + len + 1);
	if (!list)
		return NULL;
	text = memcpy(list + n + 1, data, len);
	text[len] = 0;
	for (size_t i = 0; i < n; i++, text += strlen(text) + 1)
		list[i] = text;
	list[n] = NULL;
	*count = n;
	return list;
}

int node_list(struct cli *c, store_txn_t t, const char *path, char ***names, size_t *count)
{
	const char *data;
	size_t number, len;
	int rc;

	if (!c->bursting)
		return store_list(c->store, t, path, names, count);
	number = burst_list(c->burst, path);
	burst_settle(c->burst);
	rc = burst_answer(c->burst, number, &data, &len);
	if (rc == -E2BIG) /* the client asks in parts */
		return store_list(c->store, STORE_NO_TXN, path, names, count);
	if (rc)
		return rc;
	*names = names_of(data, len, count);
	return *names ? 0 : -ENOMEM;
}

static int in_a_burst(struct cli *c, store_txn_fn *fn, void *arg, const char *doing)
{
	int rc;

	do {
		c->why->error = TE_NONE;
		rc = burst_begin(c->burst);
		if (!rc) {
			c->bursting = true;
			rc = fn(c->store, STORE_NO_TXN, arg);
			c->bursting = false;
			if (rc && burst_settle(c->burst) == -ECONNRESET)
				rc = -ECONNRESET; /* what it could not read says nothing */
			else if (rc)
				burst_abort(c->burst);
			else
				rc = burst_commit(c->burst);
		}
	} while (rc == -EAGAIN);
	if (rc && c->why->error == TE_NONE)
		burst_failed(c, rc, doing);
	return rc;
}

bool node_bursts(struct cli *c)
{
	return c->burst || burst_open(&c->burst) == 0;
}

int node_transact(struct cli *c, store_txn_fn *fn, void *arg, const char *doing)
{
	int rc;

	if (node_bursts(c)) {
		rc = in_a_burst(c, fn, arg, doing);
		if (rc != -ECONNRESET)
			return rc;
		burst_close(&c->burst); /* the store was restarted: the client knows how to wait for
					   it */
	}
	c->why->error = TE_NONE;
	rc = store_transact(c->store, fn, arg);
	return rc && c->why->error == TE_NONE ? cli_store_failed(c, doing) : rc;
}
