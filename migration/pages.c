/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages as records, a batch at a time. The guest may run meanwhile: a page changes while it is
 * read, becomes a page table or is one no more, or goes away altogether. Nothing of that has to be
 * caught here, because whatever changes is noted by the hypervisor as written and so is sent again:
 * contents, the kind of a frame, and the guest's list of its frames. What is seen in between only
 * has to make sense enough to be sent; what does not is left for the next round.
 */
#include "migration/sender.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "migration/delta.h"
#include "migration/sent_cache.h"
#include "migration/stream.h"
#include "migration/tables.h"

#define NONE UINT64_MAX
#define FEW  16u

struct batch {
	unsigned int n;
	uint64_t words[STREAM_BATCH]; /* as they go out */
	uint64_t mfns[STREAM_BATCH];  /* NONE: this page is gone */
	void *data[STREAM_BATCH];
	uint64_t tables[STREAM_BATCH][TABLE_ENTRIES]; /* page tables in the image's numbers */
	/* beside the words: pages that go as what differs, and all that need no word */
	unsigned int deltas, without_word;
	struct stream_delta delta[STREAM_BATCH];
	uint8_t delta_bytes[STREAM_BATCH][DELTA_MOST];
	uint8_t copy[HOST_PAGE_SIZE];
};

int pages_open(struct sender *s, struct why *why)
{
	s->due = calloc(pages_words(s), sizeof(*s->due));
	s->again = calloc(pages_words(s), sizeof(*s->again));
	s->sent = calloc(s->list.pages, 1);
	s->batch = malloc(sizeof(*s->batch));
	s->cache = s->o->deltas && s->o->live ? sent_cache_new(s->list.pages) : NULL;
	return s->due && s->again && s->sent && s->batch ?
		       0 :
		       why_set(why, TE_NO_MEMORY, "no memory for notes on %llu pages",
			       (unsigned long long)s->list.pages);
}

void pages_close(struct sender *s)
{
	free(s->due);
	free(s->again);
	free(s->sent);
	free(s->batch);
	sent_cache_free(s->cache);
}

uint64_t pages_count(const uint64_t *bits, uint64_t pages)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < (pages + 63) / 64; i++)
		n += (unsigned int)__builtin_popcountll(bits[i]);
	return n;
}

/* The next page from pfn on that is due; s->list.pages if there is none. */
static uint64_t next_due(const struct sender *s, uint64_t pfn)
{
	uint64_t w = pfn < s->list.pages ? s->due[pfn / 64] >> pfn % 64 << pfn % 64 : 0;

	for (uint64_t i = pfn / 64; i < pages_words(s); w = ++i < pages_words(s) ? s->due[i] : 0)
		if (w)
			return i * 64 + (unsigned int)__builtin_ctzll(w);
	return s->list.pages;
}

/* A page that cannot be sent as it is now. If the other side has none of it, whatever makes it one
 * is noted. */
static void put_off(struct sender *s, uint64_t pfn, bool last)
{
	if (!last && s->sent[pfn])
		page_set(s->again, pfn);
}

/* One that the guest has no more. */
static bool is_gone(struct sender *s, uint64_t pfn, uint64_t mfn, bool last)
{
	if (s->sent[pfn] && (last || mfn == NONE))
		return true;
	put_off(s, pfn, last);
	return false;
}

/* Up to so many pages from *pfn on: their numbers, frames, and kinds. */
static int gather(struct sender *s, uint64_t *pfn, unsigned int most, bool last, struct why *why)
{
	uint64_t types[STREAM_BATCH];
	struct batch *b = s->batch;
	unsigned int n = 0, kept = 0, at = 0;
	int rc;

	for (b->n = 0; b->n < most && (*pfn = next_due(s, *pfn)) < s->list.pages; ++*pfn) {
		uint64_t mfn = guest_list_mfn(&s->list, *pfn);

		if (mfn == NONE || guest_list_pfn(&s->list, mfn) != *pfn) {
			if (!is_gone(s, *pfn, mfn, last))
				continue;
			mfn = NONE;
		}
		b->words[b->n] = *pfn;
		b->mfns[b->n++] = mfn;
		if (mfn != NONE)
			types[n++] = mfn;
	}
	rc = n ? host_frame_types(s->h, s->domid, types, n, why) : 0;
	for (unsigned int i = 0; !rc && i < b->n; i++) {
		uint64_t page = b->words[i], mfn = b->mfns[i];

		if (mfn != NONE && types[at++] == HOST_NOT_ITS) {
			if (!is_gone(s, page, mfn, last))
				continue;
			mfn = NONE;
		}
		b->mfns[kept] = mfn;
		b->words[kept++] =
			page | (mfn == NONE ? (uint64_t)STREAM_NO_PAGE : types[at - 1] >> 28) << 60;
	}
	b->n = kept;
	return rc;
}

static bool is_zero(const void *page)
{
	const uint64_t *w = page;

	for (unsigned int i = 0; i < HOST_PAGE_SIZE / sizeof(*w); i += 8)
		if (w[i] | w[i + 1] | w[i + 2] | w[i + 3] | w[i + 4] | w[i + 5] | w[i + 6] |
		    w[i + 7])
			return false;
	return true;
}

static int bad_table(struct sender *s, unsigned int level, unsigned int entry, const void *page,
		     struct why *why)
{
	return why_set(
		why, TE_STATE,
		"domain %u maps a frame that is not its own: entry %u of a table of level %u, %#llx",
		s->domid, entry, level, (unsigned long long)((const uint64_t *)page)[entry]);
}

static bool convert(struct sender *s, uint64_t *to, const void *page, unsigned int level, bool last,
		    unsigned int *bad)
{
	uint64_t start = mig_now_ns();
	bool good = table_to_image(to, page, level, s->list.is_32bit, !last, guest_list_pfn,
				   &s->list, bad);

	s->tables_ns += mig_now_ns() - start;
	s->tables++;
	return good;
}

/* Out of a page's full size, its word included. */
static void note_delta(struct sender *s, size_t bytes)
{
	s->out->delta_pages++;
	s->out->delta_saved += sizeof(uint64_t) + HOST_PAGE_SIZE - bytes;
	s->batch->without_word++;
}

/*
 * A page of plain data: what is to be sent in full, or NULL if it goes as a delta, or need not go.
 * The guest writes to it meanwhile, so what is kept is copied first, and what goes is that copy.
 * Kept is what goes for the second time, as most pages are sent once; and nothing of the last round.
 */
static void *plain_data(struct sender *s, uint64_t pfn, void *page, bool last)
{
	unsigned int round = s->progress.round;
	struct batch *b = s->batch;
	uint8_t *known = sent_cache_find(s->cache, pfn, round), *delta = b->delta_bytes[b->deltas];
	size_t len;

	if (!known) {
		if (s->sent[pfn] == SENT_DATA && !last)
			known = sent_cache_take(s->cache, pfn, round);
		return known ? memcpy(known, page, HOST_PAGE_SIZE) : page;
	}
	memcpy(b->copy, page, HOST_PAGE_SIZE);
	len = delta_make(known, b->copy, delta, DELTA_MOST);
	if (!len) {
		note_delta(s, 0);
		return NULL;
	}
	memcpy(known, b->copy, HOST_PAGE_SIZE);
	if (len == DELTA_DEAR)
		return known;
	note_delta(s, stream_delta_size(len));
	b->delta[b->deltas++] = (struct stream_delta){ pfn, delta, len };
	return NULL;
}

/* The pages, mapped one after the other, into the batch's data. Words of pages that are not to go
 * are taken out. */
static int fill(struct sender *s, uint8_t *page, bool last, unsigned int *with_data, struct why *why)
{
	struct batch *b = s->batch;
	unsigned int kept = 0, tables = 0, bad = 0;

	*with_data = b->deltas = b->without_word = 0;
	for (unsigned int i = 0; i < b->n; i++) {
		uint64_t w = b->words[i], pfn = w & STREAM_PFN_MASK;
		unsigned int level = stream_page_type(w) & 7;
		void *data;

		if (b->mfns[i] == NONE) {
			sent_cache_drop(s->cache, pfn);
			s->sent[pfn] = SENT_NOT;
			b->words[kept++] = w;
			continue;
		}
		if (level && !convert(s, b->tables[tables], page, level, last, &bad)) {
			if (last)
				return bad_table(s, level, bad, page, why);
			page_set(s->again, pfn);
		} else if (!level && s->sent[pfn] != SENT_DATA && is_zero(page)) {
			/* to a page that it has others may leave as it is what goes by this word */
			b->words[kept++] = pfn | (uint64_t)STREAM_ALLOCATE << 60;
			s->sent[pfn] = SENT_EMPTY;
			s->out->zero_pages++;
		} else {
			if (level)
				sent_cache_drop(s->cache, pfn);
			data = level ? (void *)b->tables[tables++] : plain_data(s, pfn, page, last);
			s->sent[pfn] = SENT_DATA;
			if (data) {
				b->data[(*with_data)++] = data;
				b->words[kept++] = w;
			}
		}
		page += HOST_PAGE_SIZE;
	}
	b->n = kept;
	return 0;
}

/* More bytes than the cap allows until now wait until it does. */
static void keep_to_cap(const struct sender *s)
{
	uint64_t cap = s->o->max_bytes_per_s, sent = s->io->bytes_out - s->first_byte,
		 spent = mig_now_ns() - s->started_ns, due;

	if (!cap)
		return;
	due = (uint64_t)((double)sent / (double)cap * 1e9);
	if (due > spent) {
		struct timespec t = { .tv_sec = (time_t)((due - spent) / 1000000000),
				      .tv_nsec = (long)((due - spent) % 1000000000) };

		nanosleep(&t, NULL);
	}
}

static int send_batch(struct sender *s, bool last, struct why *why)
{
	struct batch *b = s->batch;
	uint64_t mfns[STREAM_BATCH];
	unsigned int mapped = 0, with_data = 0;
	uint8_t *pages = NULL;
	int rc;

	for (unsigned int i = 0; i < b->n; i++)
		if (b->mfns[i] != NONE)
			mfns[mapped++] = b->mfns[i];
	pages = mapped ? host_map(s->h, s->domid, false, mfns, mapped, why) : NULL;
	if (mapped && !pages) {
		/* one of them was given away just now */
		for (unsigned int i = 0; i < b->n && !last; i++)
			page_set(s->again, b->words[i] & STREAM_PFN_MASK);
		return last ? -EIO : 0;
	}
	rc = fill(s, pages, last, &with_data, why);
	if (!rc && b->n)
		rc = sender_io_failed(why, stream_write_pages(s->io, b->words, b->n, b->data,
							      with_data));
	if (pages)
		host_unmap(s->h, pages, mapped);
	if (!rc && b->deltas)
		rc = sender_io_failed(why, stream_write_deltas(s->io, b->delta, b->deltas));
	s->out->pages += b->n + b->without_word;
	s->progress.pages_sent += b->n + b->without_word;
	if (last)
		s->out->last_round_pages += b->n + b->without_word;
	return rc;
}

static int send_lot(struct sender *s, uint64_t *pfn, unsigned int most, bool last, struct why *why)
{
	int rc = gather(s, pfn, most, last, why);

	if (!rc && s->batch->n)
		rc = send_batch(s, last, why);
	keep_to_cap(s);
	return rc;
}

int pages_send_few(struct sender *s, uint64_t *pfn, struct why *why)
{
	uint64_t from = next_due(s, *pfn);
	int rc;

	*pfn = from;
	if (from >= s->list.pages)
		return 0;
	rc = send_lot(s, pfn, FEW, false, why);
	for (; !rc && from < *pfn; from++)
		s->due[from / 64] &= ~(1ull << from % 64);
	return rc;
}

int pages_send(struct sender *s, bool last, struct why *why)
{
	uint64_t pfn = 0;
	int rc = 0;

	while (!rc && next_due(s, pfn) < s->list.pages) {
		rc = send_lot(s, &pfn, STREAM_BATCH, last, why);
		if (!rc)
			rc = sender_progress(s, why);
	}
	if (!rc)
		memset(s->due, 0, pages_words(s) * sizeof(*s->due));
	return rc;
}
