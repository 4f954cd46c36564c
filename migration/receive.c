/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream as a domain. Pages are filled as they come; page tables keep the image's numbers until
 * all pages are there, and are turned into this machine's then, before any of them is a table to
 * the hypervisor. The hypervisor checks the tables and the processors' states as it checks a
 * guest's own: what is checked here are the numbers that index our memory, and how much of the
 * host's memory the sender may spend.
 */
#include "migration/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/delta.h"
#include "migration/guest.h"
#include "migration/stream.h"
#include "migration/tables.h"

#define NONE	      UINT64_MAX
#define PENDING	      (UINT64_MAX - 1)
#define SLACK_PAGES   (1u << 18) /* holes that a list may have beyond the domain's memory: 1 GiB */
#define MAP_BATCH     256u
#define EMPTY	      0x10u /* beside a page's type: it came without contents */
#define GRANT_CONSOLE 0u    /* the ABI's reserved references */
#define GRANT_STORE   1u

struct blob {
	void *at;
	size_t size;
};
struct vcpu_state {
	struct blob basic, extended, xsave;
};

struct mig_receiver {
	struct stream_reader in;
	struct host *h;
	const struct mig_receive_opts *o;
	struct domain_info info;
	uint64_t pages, given; /* length of the list; frames that the domain got */
	uint64_t *mfns;	       /* by pfn */
	uint8_t *types;
	uint64_t *list_frames; /* pfns of the frames of the guest's own list */
	size_t list_count;
	struct vcpu_state *vcpus;
	struct blob shared;
	struct stream_tsc tsc;
	bool have_tsc;
};

static bool is_table(const struct mig_receiver *r, uint64_t pfn)
{
	return r->types[pfn] & 0xf;
}

static uint64_t mfn_of(void *arg, uint64_t pfn)
{
	struct mig_receiver *r = arg;

	return pfn < r->pages && r->mfns[pfn] < PENDING ? r->mfns[pfn] : NONE;
}

static int need(struct mig_receiver *r, uint64_t pfn, const char *what, uint64_t *mfn,
		struct why *why)
{
	*mfn = mfn_of(r, pfn);
	return *mfn != NONE ?
		       0 :
		       why_set(why, TE_STREAM, "the image has no page %#llx, which is its %s",
			       (unsigned long long)pfn, what);
}

int mig_receive_begin(struct mig_receiver **out, struct mig_io *io, struct mig_head *head,
		      struct why *why)
{
	struct mig_receiver *r = calloc(1, sizeof(*r));
	struct stream_record rec = { .type = STREAM_END };
	int rc;

	*out = r;
	if (!r)
		return why_set(why, TE_NO_MEMORY, "no memory");
	rc = stream_read_head(&r->in, io, why);
	while (!rc && rec.type != STREAM_PV_INFO)
		rc = stream_read(&r->in, &rec, why);
	*head = (struct mig_head){ r->in.is_32bit, r->in.version, r->in.xen_major, r->in.xen_minor };
	return rc;
}

/* For pages up to count, with what is known of those before. */
static int grow(struct mig_receiver *r, uint64_t count, struct why *why)
{
	uint64_t *mfns = realloc(r->mfns, count * sizeof(*mfns));
	uint8_t *types;

	if (!mfns)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of %llu pages",
			       (unsigned long long)count);
	r->mfns = mfns;
	types = realloc(r->types, count);
	if (!types)
		return why_set(why, TE_NO_MEMORY, "no memory for a list of %llu pages",
			       (unsigned long long)count);
	r->types = types;
	memset(mfns + r->pages, 0xff, (count - r->pages) * sizeof(*mfns));
	memset(types + r->pages, 0, count - r->pages);
	r->pages = count;
	return 0;
}

/* The guest may move its list while it is sent: each record takes the place of the one before. */
static int take_list(struct mig_receiver *r, const struct stream_record *rec, struct why *why)
{
	struct stream_p2m p;
	uint64_t *frames;
	int rc = stream_p2m(&r->in, rec, &p, why);

	if (rc)
		return rc;
	if (p.first || p.last >= r->o->max_pages + SLACK_PAGES || p.last + 1ull < r->pages)
		return why_set(why, TE_STREAM, "the image lists pages %u to %u; the domain has %llu",
			       p.first, p.last, (unsigned long long)r->o->max_pages);
	frames = calloc(p.count, sizeof(*frames));
	rc = frames ? grow(r, p.last + 1ull, why) :
		      why_set(why, TE_NO_MEMORY, "no memory for a list of %zu frames", p.count);
	if (rc) {
		free(frames);
		return rc;
	}
	memcpy(frames, p.pfns, p.count * sizeof(*frames));
	free(r->list_frames);
	r->list_frames = frames;
	r->list_count = p.count;
	return 0;
}

static bool is_page(unsigned int type)
{
	return type != STREAM_NO_PAGE && type != STREAM_BROKEN;
}

static int twice(uint64_t pfn, struct why *why)
{
	return why_set(why, TE_STREAM, "a record has page %#llx twice", (unsigned long long)pfn);
}

/* Pages that were there and are not any more: the guest gave them back while it was sent. */
static int give_back(struct mig_receiver *r, const struct stream_pages *p, struct why *why)
{
	uint64_t frames[STREAM_BATCH];
	size_t n = 0;
	int rc;

	for (unsigned int i = 0; i < p->count; i++) {
		uint64_t w = stream_word(p->words, i), pfn = w & STREAM_PFN_MASK;

		if (pfn >= r->pages)
			return why_set(why, TE_STREAM, "a page %#llx; the image has %#llx",
				       (unsigned long long)pfn, (unsigned long long)r->pages);
		if (is_page(stream_page_type(w)) || r->mfns[pfn] == NONE)
			continue;
		frames[n++] = r->mfns[pfn];
		r->mfns[pfn] = NONE;
		r->types[pfn] = 0;
	}
	rc = n ? host_release(r->h, r->o->domid, frames, n, why) : 0;
	r->given -= n;
	return rc;
}

/* Frames for the pages of this record that have none yet. */
static int populate(struct mig_receiver *r, const struct stream_pages *p, struct why *why)
{
	uint64_t pfns[STREAM_BATCH], frames[STREAM_BATCH];
	size_t n = 0, done;
	int rc;

	for (unsigned int i = 0; i < p->count; i++) {
		uint64_t w = stream_word(p->words, i), pfn = w & STREAM_PFN_MASK;
		unsigned int type = stream_page_type(w);

		if (!is_page(type))
			continue;
		r->types[pfn] = type == STREAM_ALLOCATE ? STREAM_NOTAB | EMPTY : (uint8_t)type;
		if (r->mfns[pfn] == PENDING)
			return twice(pfn, why);
		if (r->mfns[pfn] == NONE) {
			r->mfns[pfn] = PENDING;
			pfns[n] = frames[n] = pfn;
			n++;
		}
	}
	if (r->given + n > r->o->max_pages)
		return why_set(why, TE_STREAM, "the image has more than the domain's %llu pages",
			       (unsigned long long)r->o->max_pages);
	rc = n ? host_populate(r->h, r->o->domid, 0, frames, n, &done, why) : 0;
	for (size_t i = 0; !rc && i < n; i++)
		r->mfns[pfns[i]] = frames[i];
	r->given += n;
	return rc;
}

static int take_pages(struct mig_receiver *r, const struct stream_record *rec, struct why *why)
{
	uint64_t mfns[STREAM_BATCH];
	const uint8_t *from[STREAM_BATCH];
	struct stream_pages p;
	unsigned int n = 0, data = 0;
	uint8_t *at;
	int rc = stream_pages(rec, &p, why);

	if (!rc)
		rc = give_back(r, &p, why);
	if (!rc)
		rc = populate(r, &p, why);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < p.count; i++) {
		uint64_t w = stream_word(p.words, i);
		unsigned int type = stream_page_type(w);

		if (!is_page(type))
			continue;
		mfns[n] = r->mfns[w & STREAM_PFN_MASK];
		from[n++] = stream_has_data(type) ? p.data + (size_t)data++ * STREAM_PAGE : NULL;
	}
	if (!n)
		return 0;
	at = host_map(r->h, r->o->domid, true, mfns, n, why);
	if (!at)
		return -EIO;
	for (unsigned int i = 0; i < n; i++) {
		if (from[i])
			memcpy(at + (size_t)i * STREAM_PAGE, from[i], STREAM_PAGE);
		else
			memset(at + (size_t)i * STREAM_PAGE, 0, STREAM_PAGE);
	}
	host_unmap(r->h, at, n);
	return 0;
}

/* What it differs from must be here: contents that came in full, of a page that is no table. */
static int check_delta(const struct mig_receiver *r, uint64_t pfn, struct why *why)
{
	const char *lacks = pfn >= r->pages || r->mfns[pfn] >= PENDING ? "is not there" :
			    is_table(r, pfn)			       ? "is a page table" :
			    r->types[pfn] & EMPTY		       ? "came without contents" :
									 NULL;

	return lacks ? why_set(why, TE_STREAM,
			       "a delta for page %#llx, which %s: it must come in full",
			       (unsigned long long)pfn, lacks) :
		       0;
}

static int take_deltas(struct mig_receiver *r, const struct stream_record *rec, struct why *why)
{
	struct stream_delta deltas[STREAM_BATCH];
	uint64_t mfns[STREAM_BATCH];
	unsigned int n;
	uint8_t *at;
	int rc = stream_deltas(rec, deltas, &n, why);

	for (unsigned int i = 0; !rc && i < n; i++) {
		rc = check_delta(r, deltas[i].pfn, why);
		if (!rc)
			mfns[i] = r->mfns[deltas[i].pfn];
	}
	if (rc)
		return rc;
	at = host_map(r->h, r->o->domid, true, mfns, n, why);
	if (!at)
		return -EIO;
	for (unsigned int i = 0; !rc && i < n; i++)
		if (!delta_apply(at + (size_t)i * STREAM_PAGE, deltas[i].bytes, deltas[i].len))
			rc = why_set(why, TE_STREAM, "the delta for page %#llx is damaged",
				     (unsigned long long)deltas[i].pfn);
	host_unmap(r->h, at, n);
	return rc;
}

static int keep(struct blob *b, const void *from, size_t size, struct why *why)
{
	free(b->at);
	b->at = malloc(size ? size : 1);
	b->size = size;
	if (!b->at)
		return why_set(why, TE_NO_MEMORY, "no memory for a state of %zu bytes", size);
	memcpy(b->at, from, size);
	return 0;
}

static int take_vcpu(struct mig_receiver *r, const struct stream_record *rec, struct why *why)
{
	struct stream_vcpu v;
	int rc = stream_vcpu(rec, &v, why);

	if (rc)
		return rc;
	if (v.id >= r->info.vcpus_max)
		return why_set(why, TE_STREAM, "state of a vCPU %u; the domain has %u", v.id,
			       r->info.vcpus_max);
	if (rec->type == STREAM_VCPU_BASIC && v.size != context_size(r->in.is_32bit))
		return why_set(why, TE_STREAM, "state of vCPU %u of %zu bytes; it takes %zu", v.id,
			       v.size, context_size(r->in.is_32bit));
	if (rec->type == STREAM_VCPU_MSRS)
		return v.size ? why_set(why, TE_UNSUPPORTED,
					"vCPU %u has MSRs, which no vCPU has here", v.id) :
				0;
	return keep(rec->type == STREAM_VCPU_BASIC    ? &r->vcpus[v.id].basic :
		    rec->type == STREAM_VCPU_EXTENDED ? &r->vcpus[v.id].extended :
							&r->vcpus[v.id].xsave,
		    v.context, v.size, why);
}

static int take(struct mig_receiver *r, const struct stream_record *rec, struct why *why)
{
	switch (rec->type) {
	case STREAM_P2M_FRAMES: return take_list(r, rec, why);
	case STREAM_PAGE_DATA: return take_pages(r, rec, why);
	case STREAM_PAGE_DELTAS: return take_deltas(r, rec, why);
	case STREAM_VCPU_BASIC:
	case STREAM_VCPU_EXTENDED:
	case STREAM_VCPU_XSAVE:
	case STREAM_VCPU_MSRS: return take_vcpu(r, rec, why);
	case STREAM_SHARED_INFO: return keep(&r->shared, rec->body, rec->length, why);
	case STREAM_TSC_INFO: r->have_tsc = true; return stream_tsc(rec, &r->tsc, why);
	case STREAM_VERIFY:
	case STREAM_CHECKPOINT:
		return why_set(why, TE_UNSUPPORTED, "the stream is for %s",
			       rec->type == STREAM_VERIFY ? "debugging" : "checkpoints");
	default: return 0; /* policies: the domain has this host's */
	}
}

/* --- when everything is there */

static int fix_tables(struct mig_receiver *r, struct why *why)
{
	uint64_t mfns[MAP_BATCH];
	int rc = 0;

	for (uint64_t pfn = 0; !rc && pfn < r->pages;) {
		unsigned int n = 0, bad;
		uint8_t *at;

		for (; pfn < r->pages && n < MAP_BATCH; pfn++)
			if (is_table(r, pfn) && r->mfns[pfn] < PENDING)
				mfns[n++] = r->mfns[pfn];
		if (!n)
			break;
		at = host_map(r->h, r->o->domid, true, mfns, n, why);
		if (!at)
			return -EIO;
		for (unsigned int i = 0; !rc && i < n; i++)
			if (!table_from_image((uint64_t *)(at + (size_t)i * HOST_PAGE_SIZE), mfn_of,
					      r, &bad))
				rc = why_set(
					why, TE_STREAM,
					"a page table of the image maps a page that the image has not (entry %u)",
					bad);
		host_unmap(r->h, at, n);
	}
	return rc;
}

/* One page of the guest's own list gets this machine's frames, from pfn on; what it says of pages
 * that are not there stays. */
static void fix_list_page(struct mig_receiver *r, uint8_t *at, uint64_t pfn)
{
	size_t width = r->in.is_32bit ? 4 : 8;

	for (size_t j = 0; j < HOST_PAGE_SIZE / width && pfn + j < r->pages; j++) {
		uint64_t m = mfn_of(r, pfn + j), old = 0;

		memcpy(&old, at + j * width, width);
		if (m == NONE && !(old >> (width * 8 - 2)))
			m = UINT64_MAX; /* a frame that it had and that is not its own here */
		else if (m == NONE)
			m = old;
		memcpy(at + j * width, &m, width);
	}
}

static int fix_list(struct mig_receiver *r, struct why *why)
{
	uint64_t per = HOST_PAGE_SIZE / (r->in.is_32bit ? 4 : 8), mfns[MAP_BATCH];
	unsigned int n;

	for (size_t first = 0; first < r->list_count; first += n) {
		uint8_t *at;

		for (n = 0; n < MAP_BATCH && first + n < r->list_count; n++) {
			int rc = need(r, r->list_frames[first + n], "list of frames", &mfns[n], why);

			if (rc)
				return rc;
			if (is_table(r, r->list_frames[first + n]))
				return why_set(why, TE_STREAM,
					       "the image's list of frames lies in a page table");
		}
		at = host_map(r->h, r->o->domid, true, mfns, n, why);
		if (!at)
			return -EIO;
		for (unsigned int i = 0; i < n; i++)
			fix_list_page(r, at + (size_t)i * HOST_PAGE_SIZE, (first + i) * per);
		host_unmap(r->h, at, n);
	}
	return 0;
}

static int fix_start_info(struct mig_receiver *r, struct mig_received *got, struct why *why)
{
	struct start_facts f = { .nr_pages = r->given,
				 .shared_frame = r->info.shared_info_frame,
				 .store_port = r->o->store_port,
				 .console_port = r->o->console_port };
	uint64_t pfn = context_start_info(r->vcpus[0].basic.at, r->in.is_32bit), mfn;
	void *page;
	int rc = need(r, pfn, "start_info", &mfn, why);

	if (!rc && is_table(r, pfn))
		rc = why_set(why, TE_STREAM, "the image's start_info lies in a page table");
	page = rc ? NULL : host_map(r->h, r->o->domid, true, &mfn, 1, why);
	if (!page)
		return rc ? rc : -EIO;
	start_info_read(page, r->in.is_32bit, &f);
	rc = need(r, f.store_pfn, "store page", &f.store_frame, why);
	if (!rc)
		rc = need(r, f.console_pfn, "console page", &f.console_frame, why);
	if (!rc)
		start_info_write(page, r->in.is_32bit, &f);
	host_unmap(r->h, page, 1);
	got->store_frame = f.store_frame;
	got->console_frame = f.console_frame;
	return rc;
}

static int fix_shared(struct mig_receiver *r, struct why *why)
{
	void *at = host_map(r->h, r->o->domid, true, &r->info.shared_info_frame, 1, why);

	if (!at)
		return -EIO;
	shared_info_restore(at, r->shared.at, r->in.is_32bit);
	host_unmap(r->h, at, 1);
	return 0;
}

static int pin_tables(struct mig_receiver *r, struct why *why)
{
	struct host_pin pins[HOST_PINS];
	unsigned int n = 0;
	int rc = 0;

	for (uint64_t pfn = 0; !rc && pfn < r->pages; pfn++) {
		if (r->types[pfn] & STREAM_PINNED)
			pins[n++] = (struct host_pin){ r->types[pfn] & 7, r->mfns[pfn] };
		if (n == HOST_PINS || (n && pfn + 1 == r->pages)) {
			rc = host_pin_tables(r->h, r->o->domid, pins, n, why);
			n = 0;
		}
	}
	return rc;
}

static int set_vcpus(struct mig_receiver *r, struct why *why)
{
	int rc = 0;

	for (uint32_t v = 0; !rc && v < r->info.vcpus_max; v++) {
		struct vcpu_state *s = &r->vcpus[v];

		if (!s->basic.at)
			continue;
		if (!context_translate(s->basic.at, r->in.is_32bit, v == 0, mfn_of, r))
			return why_set(why, TE_STREAM,
				       "the state of vCPU %u names a page that the image has not",
				       v);
		rc = host_vcpu_set_context(r->h, r->o->domid, v, s->basic.at, s->basic.size, why);
		if (!rc && s->extended.at)
			rc = host_vcpu_set_extended(r->h, r->o->domid, v, s->extended.at,
						    s->extended.size, why);
		if (!rc && s->xsave.at && s->xsave.size)
			rc = host_vcpu_set_xsave(r->h, r->o->domid, v, s->xsave.at, s->xsave.size,
						 why);
	}
	return rc;
}

static int finish(struct mig_receiver *r, struct mig_received *got, struct why *why)
{
	struct mig_parts *parts = &got->figures.parts;
	uint64_t mark = mig_now_ns();
	const uint32_t refs[] = { GRANT_CONSOLE, GRANT_STORE };
	const uint32_t to[] = { r->o->console_domid, r->o->store_domid };
	int rc;

	if (!r->vcpus[0].basic.at)
		return why_set(why, TE_STREAM, "the image has no state of vCPU 0");
	rc = fix_tables(r, why);
	mig_part_end(parts, PART_TABLES, &mark);
	if (!rc)
		rc = fix_list(r, why);
	if (!rc)
		rc = fix_start_info(r, got, why);
	if (!rc)
		rc = fix_shared(r, why);
	if (!rc)
		rc = host_grant_seed(r->h, r->o->domid, refs, to,
				     (uint64_t[]){ got->console_frame, got->store_frame }, 2, why);
	mig_part_end(parts, PART_LISTS, &mark);
	if (!rc)
		rc = pin_tables(r, why);
	mig_part_end(parts, PART_PINS, &mark);
	if (!rc && r->have_tsc)
		rc = host_tsc_set(r->h, r->o->domid,
				  &(struct host_tsc){ r->tsc.mode, r->tsc.khz, r->tsc.nsec,
						      r->tsc.incarnation },
				  why);
	rc = rc ? rc : set_vcpus(r, why);
	mig_part_end(parts, PART_VCPUS, &mark);
	got->figures.mark_ns = mark;
	return rc;
}

static int acknowledge(struct mig_receiver *r, struct why *why)
{
	int rc = mig_write(r->in.io, MIG_ACKNOWLEDGED, sizeof(MIG_ACKNOWLEDGED) - 1);

	if (!rc)
		rc = mig_flush(r->in.io);
	return rc ? why_set(why, TE_STREAM, "cannot answer that all is here: %s", strerror(-rc)) : 0;
}

/* These have what changes as long as it runs: they come when it does not. */
static bool is_of_one_that_stands(const struct stream_record *rec)
{
	return rec->type == STREAM_SHARED_INFO || rec->type == STREAM_TSC_INFO ||
	       rec->type == STREAM_VCPU_BASIC || rec->type == STREAM_END;
}

int mig_receive(struct mig_receiver *r, struct host *h, const struct mig_receive_opts *o,
		const struct mig_calls *calls, struct mig_received *got, struct why *why)
{
	struct mig_progress p = { .round = 1, .pages_all = o->max_pages };
	struct stream_record rec = { .type = STREAM_PV_INFO };
	uint64_t start = mig_now_ns();
	int rc;

	*got = (struct mig_received){ .is_32bit = r->in.is_32bit };
	r->h = h;
	r->o = o;
	r->in.deltas = o->deltas;
	rc = host_domain_info(h, o->domid, &r->info, why);
	if (!rc) {
		r->vcpus = calloc(r->info.vcpus_max ? r->info.vcpus_max : 1, sizeof(*r->vcpus));
		rc = r->vcpus ? 0 : why_set(why, TE_NO_MEMORY, "no memory");
	}
	while (!rc && rec.type != STREAM_END) {
		rc = stream_read(&r->in, &rec, why);
		if (!rc)
			rc = take(r, &rec, why);
		p.pages_sent = r->given;
		p.bytes = r->in.io->bytes_in;
		p.elapsed_ns = mig_now_ns() - start;
		p.last = p.last || is_of_one_that_stands(&rec);
		if (!rc && calls && calls->progress && calls->progress(calls->arg, &p))
			rc = why_set(why, TE_STATE, "given up by the user");
	}
	if (!rc)
		rc = finish(r, got, why);
	if (!rc && o->acknowledge)
		rc = acknowledge(r, why);
	for (uint64_t pfn = 0; pfn < r->pages; pfn++)
		got->figures.tables += is_table(r, pfn) && r->mfns[pfn] < PENDING;
	got->figures.rounds = 1;
	got->figures.total_ns = mig_now_ns() - start;
	got->figures.bytes = r->in.io->bytes_in;
	got->figures.pages = r->given;
	return rc;
}

void mig_receive_end(struct mig_receiver **rp)
{
	struct mig_receiver *r = *rp;

	if (!r)
		return;
	for (uint32_t v = 0; r->vcpus && v < r->info.vcpus_max; v++) {
		free(r->vcpus[v].basic.at);
		free(r->vcpus[v].extended.at);
		free(r->vcpus[v].xsave.at);
	}
	free(r->vcpus);
	free(r->shared.at);
	free(r->list_frames);
	free(r->types);
	free(r->mfns);
	stream_reader_free(&r->in);
	free(r);
	*rp = NULL;
}
