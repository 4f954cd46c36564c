/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain as a stream: what of it is sent, and in which order. */
#include "migration/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/guest.h"
#include "migration/stream.h"
#include "migration/tables.h"

#define EXTENDED_ROOM	1024u
#define CONTEXT_ROOM	(2 * HOST_PAGE_SIZE)

struct sender {
	struct host *h;
	uint32_t domid;
	struct mig_io *io;
	const struct mig_calls *calls;
	struct mig_outcome *out;
	struct guest_list list;
	struct domain_info info;
	uint64_t started_ns, suspended_ns;
	uint64_t (*tables)[TABLE_ENTRIES];	/* a batch of page tables in the image's numbers */
};

static int io_failed(struct why *why, int rc)
{
	if (rc == -ETIMEDOUT)
		return why_set(why, TE_TIMEOUT, "the stream has stopped");
	return rc ? why_set(why, TE_STREAM, "cannot write the stream: %s", strerror(-rc)) : 0;
}

static int write_front(struct sender *s, struct why *why)
{
	struct host_info host;
	int rc = host_info(s->h, &host, why);

	if (rc)
		return rc;
	rc = stream_write_head(s->io, host.version_major, host.version_minor);
	if (!rc)
		rc = stream_write_pv_info(s->io, s->list.is_32bit);
	if (!rc)
		rc = stream_write(s->io, STREAM_STATIC_DATA_END, NULL, 0, NULL, 0);
	if (!rc)
		rc = stream_write_p2m_frames(s->io, 0, (uint32_t)(s->list.pages - 1), s->list.frame_pfns, s->list.frames);
	return io_failed(why, rc);
}

/* Up to a batch of pages that the domain has, from *pfn on: their numbers, frames, and kinds. */
struct batch {
	unsigned int n;
	uint64_t words[STREAM_BATCH], mfns[STREAM_BATCH];
	void *data[STREAM_BATCH];
};

static int gather(struct sender *s, struct batch *b, uint64_t *pfn, struct why *why)
{
	uint64_t types[STREAM_BATCH];
	unsigned int kept = 0;
	int rc;

	b->n = 0;
	for (; *pfn < s->list.pages && b->n < STREAM_BATCH; ++*pfn) {
		uint64_t mfn = guest_list_mfn(&s->list, *pfn);

		if (mfn == UINT64_MAX || guest_list_pfn(&s->list, mfn) != *pfn)
			continue;
		b->words[b->n] = *pfn;
		types[b->n] = b->mfns[b->n] = mfn;
		b->n++;
	}
	rc = b->n ? host_frame_types(s->h, s->domid, types, b->n, why) : 0;
	for (unsigned int i = 0; !rc && i < b->n; i++) {
		if (types[i] == HOST_NOT_ITS)
			continue;
		b->words[kept] = b->words[i] | types[i] >> 28 << 60;
		b->mfns[kept++] = b->mfns[i];
	}
	b->n = kept;
	return rc;
}

static int send_batch(struct sender *s, struct batch *b, struct why *why)
{
	unsigned int tables = 0, bad = 0;
	uint8_t *pages;
	int rc = 0;

	if (!b->n)
		return 0;
	pages = host_map(s->h, s->domid, false, b->mfns, b->n, why);
	if (!pages)
		return -EIO;
	for (unsigned int i = 0; !rc && i < b->n; i++) {
		unsigned int level = stream_page_type(b->words[i]) & 7;

		b->data[i] = pages + (size_t)i * HOST_PAGE_SIZE;
		if (!level)
			continue;
		if (!table_to_image(s->tables[tables], b->data[i], level, s->list.is_32bit, guest_list_pfn, &s->list, &bad))
			rc = why_set(why, TE_STATE, "domain %u maps a frame that is not its own: entry %u of a table of level %u, %#llx",
				     s->domid, bad, level, (unsigned long long)((uint64_t *)b->data[i])[bad]);
		b->data[i] = s->tables[tables++];
	}
	if (!rc)
		rc = io_failed(why, stream_write_pages(s->io, b->words, b->n, b->data, b->n));
	host_unmap(s->h, pages, b->n);
	s->out->pages += b->n;
	return rc;
}

static int send_memory(struct sender *s, struct why *why)
{
	struct mig_progress p = { .round = 1, .last = true, .pages_all = s->list.pages };
	struct batch *b = malloc(sizeof(*b));
	uint64_t pfn = 0;
	int rc = 0;

	s->tables = malloc(STREAM_BATCH * sizeof(*s->tables));
	if (!b || !s->tables)
		rc = why_set(why, TE_NO_MEMORY, "no memory for a batch of pages");
	while (!rc && pfn < s->list.pages) {
		rc = gather(s, b, &pfn, why);
		if (!rc)
			rc = send_batch(s, b, why);
		p.pages_sent = pfn;
		p.bytes = s->io->bytes_out;
		p.elapsed_ns = mig_now_ns() - s->started_ns;
		if (!rc && s->calls->progress && s->calls->progress(s->calls->arg, &p))
			rc = why_set(why, TE_STATE, "given up by the user");
	}
	free(s->tables);
	free(b);
	return rc;
}

static int send_vcpu(struct sender *s, uint32_t v, struct why *why)
{
	uint64_t context[CONTEXT_ROOM / sizeof(uint64_t)] = { 0 }, extended[EXTENDED_ROOM / sizeof(uint64_t)];
	size_t size = context_size(s->list.is_32bit), extended_size = sizeof(extended), xsave_size;
	struct vcpu_info_row row;
	void *xsave = NULL;
	int rc;

	rc = host_vcpu_info(s->h, s->domid, v, &row, why);
	if (rc || !row.online)
		return rc;
	rc = host_vcpu_get_context(s->h, s->domid, v, context, size, why);
	if (!rc && !context_translate(context, s->list.is_32bit, v == 0, guest_list_pfn, &s->list))
		rc = why_set(why, TE_STATE, "the state of vCPU %u of domain %u names a frame that is not its own", v, s->domid);
	if (!rc)
		rc = io_failed(why, stream_write_vcpu(s->io, STREAM_VCPU_BASIC, v, context, size));
	if (!rc)
		rc = host_vcpu_get_extended(s->h, s->domid, v, extended, &extended_size, why);
	if (!rc)
		rc = io_failed(why, stream_write_vcpu(s->io, STREAM_VCPU_EXTENDED, v, extended, extended_size));
	if (!rc)
		rc = host_vcpu_get_xsave(s->h, s->domid, v, &xsave, &xsave_size, why);
	if (!rc && xsave)
		rc = io_failed(why, stream_write_vcpu(s->io, STREAM_VCPU_XSAVE, v, xsave, xsave_size));
	free(xsave);
	return rc;
}

static int send_state(struct sender *s, struct why *why)
{
	struct host_tsc t;
	void *shared;
	int rc;

	rc = host_tsc_get(s->h, s->domid, &t, why);
	if (!rc)
		rc = io_failed(why, stream_write_tsc(s->io, &(struct stream_tsc){ t.mode, t.khz, t.nsec, t.incarnation }));
	if (rc)
		return rc;
	shared = host_map(s->h, s->domid, false, &s->info.shared_info_frame, 1, why);
	if (!shared)
		return -EIO;
	rc = io_failed(why, stream_write(s->io, STREAM_SHARED_INFO, NULL, 0, shared, HOST_PAGE_SIZE));
	host_unmap(s->h, shared, 1);
	for (uint32_t v = 0; !rc && v < s->info.vcpus_max; v++)
		rc = send_vcpu(s, v, why);
	if (!rc)
		rc = io_failed(why, stream_write(s->io, STREAM_END, NULL, 0, NULL, 0));
	return rc ? rc : io_failed(why, mig_flush(s->io));
}

static int wait_acknowledged(struct sender *s, struct why *why)
{
	char answer[sizeof(MIG_ACKNOWLEDGED) - 1];
	int rc = mig_read(s->io, answer, sizeof(answer));

	if (rc)
		return why_set(why, TE_STREAM, "the other side has not said that it has all: %s", strerror(-rc));
	if (memcmp(answer, MIG_ACKNOWLEDGED, sizeof(answer)) != 0)
		return why_set(why, TE_STREAM, "the other side gave an answer that is none");
	return 0;
}

/* The reason why it was not sent stays the one that is told. */
static void take_back(struct sender *s, struct why *why)
{
	struct why later = { 0 };

	if (!s->calls->resume || s->calls->resume(s->calls->arg, &later)) {
		s->out->guest_stuck = true;
		why_hint(why, -EIO, "and it cannot go on here: %s", later.text);
	}
}

int mig_send(struct host *h, uint32_t domid, const struct mig_send_opts *o, struct mig_io *io, const struct mig_calls *calls,
	     struct mig_outcome *out, struct why *why)
{
	struct sender s = { .h = h, .domid = domid, .io = io, .calls = calls, .out = out, .started_ns = mig_now_ns() };
	int rc;

	*out = (struct mig_outcome){ .rounds = 1 };
	if (o->live)
		return why_set(why, TE_NOT_OFFERED, "rounds while the guest runs are not offered yet: it is suspended first");
	rc = calls->suspend(calls->arg, why);
	if (rc)
		return rc;
	s.suspended_ns = mig_now_ns();
	rc = host_domain_info(h, domid, &s.info, why);
	if (!rc)
		rc = guest_list_open(&s.list, h, domid, why);
	if (!rc)
		rc = write_front(&s, why);
	if (!rc)
		rc = send_memory(&s, why);
	if (!rc)
		rc = send_state(&s, why);
	guest_list_close(&s.list);
	if (!rc && o->acknowledge)
		rc = wait_acknowledged(&s, why);
	out->last_round_pages = out->pages;
	out->bytes = io->bytes_out;
	out->total_ns = mig_now_ns() - s.started_ns;
	out->pause_ns = mig_now_ns() - s.suspended_ns;
	if (rc)
		take_back(&s, why);
	return rc;
}

int mig_resume(struct host *h, uint32_t domid, struct why *why)
{
	uint64_t context[CONTEXT_ROOM / sizeof(uint64_t)] = { 0 };
	bool is_32bit;
	int rc = host_domain_is_32bit(h, domid, &is_32bit, why);

	if (!rc)
		rc = host_vcpu_get_context(h, domid, 0, context, context_size(is_32bit), why);
	if (rc)
		return rc;
	context_set_suspend_result(context, is_32bit, 1);
	rc = host_vcpu_set_context(h, domid, 0, context, context_size(is_32bit), why);
	return rc ? rc : host_domain_resume(h, domid, why);
}
