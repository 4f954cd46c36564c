/* SPDX-License-Identifier: BSD-2-Clause */
/* What only Torc tells, by its one call of its own. Elsewhere: not offered. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/include/torc/torc-op.h"

#define REFUSALS_MAX 32

static int torc_op(struct host *h, struct torc_op *op, const char *what, struct why *why)
{
	memcpy(h->arg, op, sizeof(*op));
	((struct torc_op *)h->arg)->version = TORC_OP_VERSION;
	if (xencall1(h->call, TORC_OP_NUMBER, (uintptr_t)h->arg) < 0) {
		if (errno == EACCES)
			return why_set(why, TE_NOT_OFFERED,
				       "cannot ask %s: the hypervisor speaks another version of it",
				       what);
		return host_refused(why, errno, "cannot ask %s", what);
	}
	memcpy(op, h->arg, sizeof(*op));
	return 0;
}

int host_domain_refusals(struct host *h, uint32_t domid, struct host_refusal **list, size_t *count,
			 struct why *why)
{
	struct torc_op op = { .cmd = TORC_OP_WHY };
	struct torc_why_entry *e = xencall_alloc_buffer(h->call, REFUSALS_MAX * sizeof(*e));
	int rc;

	*list = NULL;
	if (!e)
		return why_set(why, TE_NO_MEMORY, "no memory");
	memset(e, 0, REFUSALS_MAX * sizeof(*e));
	op.u.why.domid = domid;
	op.u.why.nr = REFUSALS_MAX;
	op.u.why.entries = (uintptr_t)e;
	rc = torc_op(h, &op, "what was refused to the domain", why);
	*count = op.u.why.nr < REFUSALS_MAX ? op.u.why.nr : REFUSALS_MAX;
	if (!rc) {
		*list = calloc(*count ? *count : 1, sizeof(**list));
		if (!*list)
			rc = why_set(why, TE_NO_MEMORY, "no memory");
	}
	for (size_t i = 0; !rc && i < *count; i++) {
		(*list)[i].when_ns = e[i].when_ns;
		(*list)[i].err = e[i].err;
		(*list)[i].hypercall = e[i].hypercall == 0xffff ? -1 : e[i].hypercall;
		(*list)[i].vcpu = e[i].vcpu;
		memcpy((*list)[i].text, e[i].text, sizeof(e[i].text));
		(*list)[i].text[sizeof((*list)[i].text) - 1] = 0;
	}
	xencall_free_buffer(h->call, e);
	return rc;
}

int host_extras(struct host *h, struct host_extras *x, struct why *why)
{
	struct torc_op op = { .cmd = TORC_OP_HOST };
	int rc = torc_op(h, &op, "about the host", why);

	*x = (struct host_extras){ .image_bytes = op.u.host.image_bytes,
				   .ram_pages = op.u.host.ram_pages,
				   .heap_pages = op.u.host.heap_pages,
				   .domains = op.u.host.domains,
				   .domains_32bit = op.u.host.domains_32bit };
	return rc;
}

bool host_gives_zeros(struct host *h)
{
	struct torc_op op = { .cmd = TORC_OP_FEATURES };
	struct why ignored;

	return torc_op(h, &op, "what it offers", &ignored) == 0 &&
	       (op.u.features & TORC_FEATURE_ZEROED);
}

int host_domain_held(struct host *h, uint32_t domid, uint64_t *pages, struct why *why)
{
	struct torc_op op = { .cmd = TORC_OP_DOMAIN };
	int rc;

	op.u.domain.domid = domid;
	rc = torc_op(h, &op, "about the domain", why);
	if (!rc)
		*pages = op.u.domain.held_pages;
	return rc;
}

int host_debug_pass(struct host *h, uint32_t domid, uint32_t vcpu, unsigned int vector,
		    struct why *why)
{
	struct torc_op op = { .cmd = TORC_OP_DEBUG_PASS };

	op.u.debug.domid = domid;
	op.u.debug.vcpu = vcpu;
	op.u.debug.vector = vector;
	return torc_op(h, &op, "that the guest handle its own exception", why);
}
