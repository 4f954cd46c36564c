/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block frontend: one page of ring, requests of up to 11 pages, several in flight, each caller
 * waiting for its own. A response is copied before it is looked at; one that answers nothing we
 * asked breaks the device, not us.
 */
#include "blk.h"

#include <xen/io/protocols.h>

#ifdef __x86_64__
#define PROTOCOL XEN_IO_PROTO_ABI_X86_64
#else
#define PROTOCOL XEN_IO_PROTO_ABI_X86_32
#endif

#define ANSWER_MS 60000

static void woken(void *arg)
{
	(void)arg;
}

static int publish(struct blk *b)
{
	store_txn_t t;
	int rc;

	do {
		rc = store_begin(&t);
		if (rc)
			return rc;
		if ((rc = device_put(&b->dev, t, "ring-ref", "%u", b->grant)) ||
		    (rc = device_put(&b->dev, t, "event-channel", "%u", b->port)) ||
		    (rc = device_put(&b->dev, t, "protocol", "%s", PROTOCOL)) ||
		    (rc = device_put(&b->dev, t, "feature-persistent", "0")) ||
		    (rc = device_state(&b->dev, t, XenbusStateInitialised))) {
			store_end(t, false);
			return rc;
		}
		rc = store_end(t, true);
	} while (rc == -XEN_EAGAIN);
	return rc;
}

/* Takes back what a request has granted. False: the backend has some of it mapped, and that stays
 * with the request. */
static bool take_back(struct blk_request *r)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < r->pages; i++)
		if (os_grant_end(r->grants[i]))
			r->grants[kept++] = r->grants[i];
	r->pages = kept;
	r->used = kept != 0;
	return !kept;
}

/* From a backend that does not answer, or not rightly. */
static void take_all_back(struct blk *b)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < BLK_INFLIGHT; i++)
		if (!take_back(&b->requests[i]))
			kept += b->requests[i].pages;
	if (kept)
		os_log("blk: the backend keeps %u pages of requests", kept);
}

static void release(struct blk *b)
{
	take_all_back(b);
	if (b->port)
		os_event_close(b->port);
	if (b->grant && os_grant_end(b->grant))
		os_log("blk: the backend keeps the ring page; it is given up");
	else if (b->page)
		os_page_free(b->page);
	b->page = NULL;
	b->port = 0;
	b->grant = 0;
}

/* From a page for the ring to Connected. */
static int connect(struct blk *b)
{
	blkif_sring_t *sring = b->page;
	int rc;

	SHARED_RING_INIT(sring);
	FRONT_RING_INIT(&b->ring, sring, OS_PAGE_SIZE);
	rc = os_grant(b->dev.backend, b->page, false);
	if (rc < 0)
		return rc;
	b->grant = rc;
	rc = os_event_open(b->dev.backend, woken, b);
	if (rc < 0)
		return rc;
	b->port = rc;
	rc = publish(b);
	if (!rc)
		rc = device_await(&b->dev, STEP_CONNECT, DEVICE_PATIENCE_MS);
	if (rc)
		return rc;
	b->sectors = device_get(&b->dev, "sectors", 0);
	b->sector_size = device_get(&b->dev, "sector-size", BLK_SECTOR);
	b->readonly = device_get(&b->dev, "info", 0) & VDISK_READONLY;
	b->can_flush = device_get(&b->dev, "feature-flush-cache", 0) != 0;
	return device_state(&b->dev, 0, XenbusStateConnected);
}

int blk_open(struct blk *b, unsigned long id)
{
	int rc;

	memset(b, 0, sizeof(*b));
	rc = device_open(&b->dev, "vbd", id);
	if (rc)
		return rc;
	rc = device_await(&b->dev, STEP_PUBLISH, DEVICE_PATIENCE_MS);
	if (rc)
		return rc;
	b->page = os_page_alloc();
	if (!b->page)
		return -XEN_ENOMEM;
	rc = connect(b);
	if (rc)
		release(b);
	return rc;
}

int blk_resume(struct blk *b)
{
	uint64_t sectors = b->sectors;
	int rc;

	if (!b->page)
		return 0; /* was not open */
	b->port = 0;	  /* this and the grants went with the old domain */
	b->grant = 0;
	b->inflight = 0;
	b->error = 0;
	memset(b->requests, 0, sizeof(b->requests));
	rc = device_reopen(&b->dev);
	if (!rc)
		rc = device_await(&b->dev, STEP_PUBLISH, DEVICE_PATIENCE_MS);
	if (!rc)
		rc = connect(b);
	if (!rc && b->sectors < sectors) {
		os_log("blk: the disk had %llu sectors and has %llu", (unsigned long long)sectors,
		       (unsigned long long)b->sectors);
		rc = -XEN_ENODEV;
	}
	b->broken = rc != 0;
	return rc;
}

static void retire(struct blk *b, struct blk_request *r, int status)
{
	if (!take_back(r)) { /* it can go on writing there, whatever the caller puts there next */
		os_log("blk: the backend keeps a page that it has answered for");
		b->broken = true;
	}
	b->inflight--;
	if (status != BLKIF_RSP_OKAY && !b->error)
		b->error = status == BLKIF_RSP_EOPNOTSUPP ? -XEN_EOPNOTSUPP : -XEN_EIO;
}

static void collect(struct blk *b)
{
	blkif_response_t rsp;
	RING_IDX prod;
	int more;

	do {
		prod = *(volatile RING_IDX *)&b->ring.sring->rsp_prod;
		xen_rmb();
		if (RING_RESPONSE_PROD_OVERFLOW(&b->ring, prod)) {
			os_log("blk: rsp_prod %u covers more than was asked", prod);
			b->broken = true;
			return;
		}
		while (b->ring.rsp_cons != prod) {
			RING_COPY_RESPONSE(&b->ring, b->ring.rsp_cons, &rsp);
			b->ring.rsp_cons++;
			if (rsp.id >= BLK_INFLIGHT || !b->requests[rsp.id].used) {
				os_log("blk: an answer to request %llu, which is not under way",
				       (unsigned long long)rsp.id);
				b->broken = true;
				return;
			}
			retire(b, &b->requests[rsp.id], rsp.status);
		}
		RING_FINAL_CHECK_FOR_RESPONSES(&b->ring, more);
	} while (more);
}

static bool answered(void *arg)
{
	struct blk *b = arg;

	return b->broken || RING_HAS_UNCONSUMED_RESPONSES(&b->ring);
}

static int wait_answer(struct blk *b)
{
	if (!os_wait(answered, b, ANSWER_MS)) {
		os_log("blk: no answer for %u s", ANSWER_MS / 1000);
		b->broken = true;
	}
	if (!b->broken)
		collect(b);
	if (!b->broken)
		return 0;
	take_all_back(b); /* or a late one goes into pages that are something else by then */
	return -XEN_EIO;
}

static void kick(struct blk *b)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&b->ring, notify);
	if (notify)
		os_event_send(b->port);
}

/* A free slot and its place in the ring; waits for one. */
static blkif_request_t *take(struct blk *b, struct blk_request **out)
{
	blkif_request_t *rq;

	while (b->inflight == BLK_INFLIGHT) {
		kick(b);
		if (wait_answer(b))
			return NULL;
	}
	for (unsigned int i = 0; i < BLK_INFLIGHT; i++) {
		if (b->requests[i].used)
			continue;
		*out = &b->requests[i];
		(*out)->used = true;
		(*out)->pages = 0;
		b->inflight++;
		rq = RING_GET_REQUEST(&b->ring, b->ring.req_prod_pvt);
		memset(rq, 0, sizeof(*rq));
		rq->id = i;
		return rq;
	}
	return NULL;
}

static int finish(struct blk *b)
{
	int rc = 0;

	kick(b);
	while (b->inflight && !rc)
		rc = wait_answer(b);
	if (!rc)
		rc = b->error;
	b->error = 0;
	return rc;
}

static bool usable(const struct blk *b)
{
	return !b->broken && b->dev.mine == XenbusStateConnected;
}

static int transfer(struct blk *b, bool write, uint64_t sector, char *pages, unsigned int n)
{
	const unsigned int per_page = OS_PAGE_SIZE / BLK_SECTOR;
	struct blk_request *r;
	blkif_request_t *rq;
	int ref;

	if (!usable(b))
		return -XEN_EIO;
	if (write && b->readonly)
		return -XEN_EROFS;
	if (sector > b->sectors || (uint64_t)n * per_page > b->sectors - sector)
		return -XEN_EINVAL;
	while (n) {
		rq = take(b, &r);
		if (!rq)
			return -XEN_EIO;
		rq->operation = write ? BLKIF_OP_WRITE : BLKIF_OP_READ;
		rq->sector_number = sector;
		while (n && r->pages < BLKIF_MAX_SEGMENTS_PER_REQUEST) {
			ref = os_grant(b->dev.backend, pages, write);
			if (ref < 0)
				break;
			r->grants[r->pages] = ref;
			rq->seg[r->pages].gref = ref;
			rq->seg[r->pages].last_sect = per_page - 1;
			r->pages++;
			sector += per_page;
			pages += OS_PAGE_SIZE;
			n--;
		}
		if (!r->pages) { /* no grants left: those under way will bring some */
			r->used = false;
			b->inflight--;
			if (!b->inflight)
				return -XEN_ENOSPC;
			kick(b);
			if (wait_answer(b))
				return -XEN_EIO;
			continue;
		}
		rq->nr_segments = r->pages;
		b->ring.req_prod_pvt++;
	}
	return finish(b);
}

int blk_read(struct blk *b, uint64_t sector, void *pages, unsigned int n)
{
	return transfer(b, false, sector, pages, n);
}

int blk_write(struct blk *b, uint64_t sector, const void *pages, unsigned int n)
{
	return transfer(b, true, sector, (char *)pages, n);
}

int blk_flush(struct blk *b)
{
	struct blk_request *r;
	blkif_request_t *rq;

	if (!usable(b))
		return -XEN_EIO;
	if (!b->can_flush)
		return -XEN_EOPNOTSUPP;
	rq = take(b, &r);
	if (!rq)
		return -XEN_EIO;
	rq->operation = BLKIF_OP_FLUSH_DISKCACHE;
	b->ring.req_prod_pvt++;
	return finish(b);
}

void blk_close(struct blk *b)
{
	device_close(&b->dev, DEVICE_PATIENCE_MS);
	release(b);
}
