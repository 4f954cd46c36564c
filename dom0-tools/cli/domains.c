/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding domains. The store's /torc/names/NAME is an index of the guests that Torc made, so
 * that a lookup costs the same with one guest as with five hundred. It is only a hint: what
 * counts is /local/domain/DOMID/name, as for every tool; guests of other tools are searched.
 */
#include "dom0-tools/cli/burst.h"
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

char *cli_read(struct cli *c, const char *fmt, ...)
{
	char path[STORE_PATH_MAX], *value;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return store_read(c->store, STORE_NO_TXN, path, &value, NULL) == 0 ? value : NULL;
}

int64_t cli_parse_number(const char *s, int64_t least, int64_t most)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	return errno || !*s || *end || n < least || n > most ? -1 : n;
}

void cli_name_node(const char *name, char out[256])
{
	size_t n = 0;

	for (; *name && n + 4 < 256; name++)
		if ((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
		    (*name >= '0' && *name <= '9') || *name == '-' || *name == '_')
			out[n++] = *name;
		else
			n += (size_t)snprintf(out + n, 256 - n, "@%02x", (unsigned char)*name);
	out[n] = 0;
}

static bool domain_has_name(struct cli *c, uint32_t domid, const char *name)
{
	char *have = cli_read(c, "/local/domain/%u/name", domid);
	bool same = have && strcmp(have, name) == 0;

	free(have);
	return same;
}

/* Guests that the index does not know were made by xl, which leaves a node for each in /libxl. */
static bool search(struct cli *c, const char *name, uint32_t *domid)
{
	bool found = false;
	char **ids;
	size_t n;

	if (store_list(c->store, STORE_NO_TXN, "/local/domain", &ids, &n))
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		int64_t id = cli_parse_number(ids[i], 0, HOST_FIRST_RESERVED - 1);

		if (id >= 0 && domain_has_name(c, (uint32_t)id, name)) {
			*domid = (uint32_t)id;
			found = true;
		}
	}
	free(ids);
	return found;
}

static bool xl_guests(struct cli *c)
{
	char **ids;
	size_t n;

	if (store_list(c->store, STORE_NO_TXN, "/libxl", &ids, &n))
		return false;
	free(ids);
	return n != 0;
}

int cli_name_taken(struct cli *c, const char *name, bool *taken, uint32_t *domid)
{
	uint64_t id;
	char path[STORE_PATH_MAX], node[256];
	int rc;

	*taken = false;
	rc = cli_store(c);
	if (rc)
		return rc;
	if (strcmp(name, "Domain-0") == 0) {
		*domid = 0;
		*taken = true;
		return 0;
	}
	cli_name_node(name, node);
	if (store_path(path, "/torc/names/%s", node) == 0 &&
	    store_read_u64(c->store, STORE_NO_TXN, path, &id) == 0 && id < HOST_FIRST_RESERVED &&
	    domain_has_name(c, (uint32_t)id, name)) {
		*domid = (uint32_t)id;
		*taken = true;
		return 0;
	}
	if (xl_guests(c))
		*taken = search(c, name, domid);
	return 0;
}

int cli_find_domain(struct cli *c, const char *who, uint32_t *domid)
{
	int64_t id = cli_parse_number(who, 0, HOST_FIRST_RESERVED - 1);
	struct domain_info info;
	bool taken;
	int rc;

	rc = cli_host(c);
	if (rc)
		return rc;
	if (id >= 0) {
		*domid = (uint32_t)id;
		rc = host_domain_info(c->host, *domid, &info, c->why);
		if (rc && c->why->error == TE_NO_DOMAIN)
			return why_set(c->why, TE_NO_DOMAIN, "there is no domain %s", who);
		return rc;
	}
	rc = cli_name_taken(c, who, &taken, domid);
	if (rc)
		return rc;
	if (!taken)
		return why_hint(
			c->why, why_set(c->why, TE_NO_DOMAIN, "there is no domain \"%s\"", who),
			"\"torc list\" shows those that are; \"torc why %s\" what became of it",
			who);
	return 0;
}

struct names {
	size_t count;
	struct {
		uint32_t domid;
		char *name;
	} of[];
};

void cli_forget_names(struct cli *c)
{
	for (size_t i = 0; c->names && i < c->names->count; i++)
		free(c->names->of[i].name);
	free(c->names);
	c->names = NULL;
}

void cli_names_ahead(struct cli *c, const struct domain_info *list, size_t count)
{
	char path[64];
	size_t first = 0;

	cli_forget_names(c);
	if (count < 2 || !node_bursts(c))
		return;
	c->names = malloc(sizeof(*c->names) + count * sizeof(c->names->of[0]));
	if (!c->names)
		return;
	burst_forget(c->burst);
	for (size_t i = 0; i < count; i++) {
		size_t number;

		snprintf(path, sizeof(path), "/local/domain/%u/name", list[i].domid);
		number = burst_read(c->burst, path);
		first = i ? first : number;
	}
	if (burst_settle(c->burst)) {
		burst_close(&c->burst); /* the store was restarted: the client knows how to wait for
					   it */
		free(c->names);
		c->names = NULL;
		return;
	}
	c->names->count = count;
	for (size_t i = 0; i < count; i++) {
		const char *name;

		c->names->of[i].domid = list[i].domid;
		c->names->of[i].name =
			burst_answer(c->burst, first + i, &name, NULL) == 0 ? strdup(name) : NULL;
	}
	burst_forget(c->burst);
}

/* The list comes in order, and so it is kept. */
static bool name_known(const struct cli *c, uint32_t domid, const char **name)
{
	size_t low = 0, high = c->names ? c->names->count : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->names->of[mid].domid == domid) {
			*name = c->names->of[mid].name;
			return true;
		}
		if (c->names->of[mid].domid < domid)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

int cli_domain_name(struct cli *c, uint32_t domid, char **name)
{
	const char *known = NULL;
	int rc;

	*name = NULL;
	if (name_known(c, domid, &known)) {
		if (known)
			*name = strdup(known);
	} else {
		rc = cli_store(c);
		if (rc)
			return rc;
		*name = cli_read(c, "/local/domain/%u/name", domid);
	}
	if (!*name)
		*name = strdup(domid ? "" : "Domain-0");
	return *name ? 0 : why_set(c->why, TE_NO_MEMORY, "no memory");
}

void cli_state_letters(const struct domain_info *d, char out[7])
{
	bool crashed = d->shutdown && d->reason == SHUT_CRASH;

	snprintf(out, 7, "%c%c%c%c%c%c", d->running ? 'r' : '-', d->blocked ? 'b' : '-',
		 d->paused ? 'p' : '-', d->shutdown && !crashed ? 's' : '-', crashed ? 'c' : '-',
		 d->dying ? 'd' : '-');
}

const char *cli_state_word(const struct domain_info *d)
{
	if (d->dying)
		return "dying";
	if (d->shutdown)
		return d->reason == SHUT_CRASH ? "crashed" : "shutdown";
	if (d->paused)
		return "paused";
	if (d->running)
		return "running";
	return d->blocked ? "blocked" : "idle";
}

const char *cli_reason_word(unsigned int reason)
{
	static const char *const words[] = { "poweroff", "reboot",   "suspend",
					     "crash",	 "watchdog", "soft-reset" };

	return reason < sizeof(words) / sizeof(words[0]) ? words[reason] : "unknown";
}
