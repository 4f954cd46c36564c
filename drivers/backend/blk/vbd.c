/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path of a request: taken from a ring, copied in, checked; for a write its data comes over in
 * one batched grant copy with all others of the round; to the disk; for a read the data goes back
 * the same way; answered. A broken ring stops this disk only.
 */
#include "drivers/backend/blk/vbd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define ROUND	     64u  /* requests, and batches of I/O, handled together */
#define TURNS	     512u /* rounds, until others than the guest and the disk are listened to */
#define COPIES	     (ROUND * BLK_MAX_SEGMENTS)
#define BUFFER_LIMIT ((size_t)64 << 20) /* bytes of bounce buffers in use at once */
#define BUFFER_KEEP \
	((size_t)16 << 20) /* of these, kept by jobs that are over: fresh pages cost a fault each */
#define BUFFER_ONE ((size_t)BLK_MAX_SEGMENTS * PAGE) /* the largest request's */
#define PAGE	   4096u

#ifdef __SANITIZE_ADDRESS__
#define CHECKED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKED
#endif
#endif

enum stage {
	STAGE_HELD,
	STAGE_PRE_FLUSH,
	STAGE_DATA,
	STAGE_POST_FLUSH
}; /* held: a barrier that is not alone yet */

struct job {
	struct disk_io io; /* first: done() gets it back */
	struct vbd *vbd;
	struct job *next; /* free or completed list */
	struct blk_request rq;
	struct record *record;
	void *buf;
	size_t buf_size;
	enum stage stage;
	int err;
	unsigned int nr_copies; /* of this round */
	bool mapped;		/* its segments' grants are persistent ones */
	struct grant *grant[BLK_MAX_SEGMENTS];
};

static struct peer_copy copies[COPIES]; /* one device a process, one thread */

static void vbd_break(struct vbd *b)
{
	b->broken = true;
}

/* --- jobs ----------------------------------------------------------------- */

static void on_done(struct disk_io *io, int err)
{
	struct job *j = (struct job *)io;
	struct vbd *b = j->vbd;

	j->err = err;
	j->next = NULL;
	*b->completed_tail = j;
	b->completed_tail = &j->next;
}

static bool buffer_for(struct vbd *b, struct job *j, size_t len)
{
	size_t size = (len + PAGE - 1) & ~(size_t)(PAGE - 1);

	if (j->buf_size >= size)
		return true;
	if (b->buffer_bytes - j->buf_size + size > BUFFER_LIMIT)
		return false;
	free(j->buf);
	b->buffer_bytes -= j->buf_size;
	j->buf = NULL;
	j->buf_size = 0;
	if (posix_memalign(&j->buf, PAGE, size)) {
		j->buf = NULL;
		return false;
	}
	j->buf_size = size;
	b->buffer_bytes += size;
	return true;
}

/*
 * Is there a job, and a buffer for the largest request? What is not taken stays in the ring, and is
 * as good as taken later: an error would be the disk's to the guest. Jobs that are over keep less
 * than the limit, so there is room when none is in flight.
 */
static bool may_take(const struct vbd *b)
{
	return b->free_jobs && b->buffer_bytes + BUFFER_ONE <= BUFFER_LIMIT;
}

static struct job *job_get(struct vbd *b)
{
	struct job *j = b->free_jobs;

	if (j) {
		b->free_jobs = j->next;
		b->record->in_flight = ++b->in_flight;
	}
	return j;
}

static void grants_release(struct vbd *b, struct job *j, unsigned int n)
{
	while (n--)
		grants_put(&b->grants, j->grant[n]);
	j->mapped = false;
}

/* A job is free once its answer was shown: until then its record is the only trace of it. A buffer
 * stays with its job. */
static void job_put(struct vbd *b, struct job *j)
{
	if (j->mapped)
		grants_release(b, j, j->rq.nr_segments);
	if (b->buffer_bytes > BUFFER_KEEP) {
		free(j->buf);
		b->buffer_bytes -= j->buf_size;
		j->buf = NULL;
		j->buf_size = 0;
	}
	j->next = b->answered;
	b->answered = j;
	b->record->in_flight = --b->in_flight;
}

static void job_answer(struct vbd *b, struct job *j, int16_t status)
{
	struct vbd_queue *q = &b->queue[j->record->queue];
	uint8_t rsp[sizeof(struct blkif_response)];
	size_t len = response_encode(rsp, b->abi, &j->rq, status);

	if (status != BLKIF_RSP_OKAY)
		b->record->errors++;
	if (b->connected) {
		j->record->rsp_index = q->ring.rsp_prod;
		record_set(j->record, RECORD_ANSWERED);
		ring_put(&q->ring, rsp, len);
	}
	job_put(b, j);
}

/* Makes the answers visible, then forgets the requests, then tells: one notification a queue and
 * round. */
static void push_answers(struct vbd *b)
{
	struct job *j;
	unsigned int i;

	for (i = 0; i < b->queues; i++)
		b->queue[i].tell |= ring_push(&b->queue[i].ring);
	while ((j = b->answered)) {
		b->answered = j->next;
		record_set(j->record, RECORD_FREE);
		j->next = b->free_jobs;
		b->free_jobs = j;
	}
	for (i = 0; i < b->queues; i++) {
		if (b->queue[i].tell)
			peer_notify(b->peer, b->queue[i].port);
		b->queue[i].tell = false;
	}
}

/* --- data to and from the guest ------------------------------------------- */

/* Adds the job's segments to the round's batch; at: where the batch stands. */
static unsigned int copies_add(struct job *j, unsigned int at)
{
	uint8_t *p = j->buf;
	unsigned int i;

	for (i = 0; i < j->rq.nr_segments; i++) {
		const struct blk_segment *s = &j->rq.segment[i];
		struct peer_copy *c = &copies[at + i];

		c->gref = s->gref;
		c->offset = (uint16_t)(s->first * BLK_SECTOR);
		c->len = (uint16_t)((s->last - s->first + 1) * BLK_SECTOR);
		c->local = p;
		p += c->len;
	}
	j->nr_copies = j->rq.nr_segments;
	return at + j->nr_copies;
}

static bool copies_ok(const struct job *j, unsigned int at)
{
	unsigned int i;

	for (i = 0; i < j->nr_copies; i++) {
		if (!copies[at + i].ok)
			return false;
	}
	return true;
}

/* All its frames, if they can be mapped; otherwise they are copied by the hypervisor. */
static void job_map(struct vbd *b, struct job *j)
{
	unsigned int i;

	for (i = 0; i < j->rq.nr_segments; i++) {
		j->grant[i] = grants_get(&b->grants, j->rq.segment[i].gref);
		if (!j->grant[i]) {
			grants_release(b, j, i);
			return;
		}
	}
	j->mapped = true;
}

/* Words by one instruction, which a processor does in lines: the C library's loop takes twice the
 * instructions for a frame. */
static void copy_sectors(void *to, const void *from, size_t len)
{
#if defined(__x86_64__) && !defined(CHECKED)
	size_t words = len / sizeof(uint64_t);

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
#else
	memcpy(to, from, len); /* which the sanitizers see */
#endif
}

/* Copied, too: pinning mapped frames for the disk, one by one, costs more than moving their bytes. */
static void move_mapped(struct job *j, int to_peer)
{
	uint8_t *p = j->buf, *page;
	unsigned int i;
	size_t len;

	for (i = 0; i < j->rq.nr_segments; i++, p += len) {
		const struct blk_segment *s = &j->rq.segment[i];

		page = grant_page(j->grant[i]) + s->first * BLK_SECTOR;
		len = (s->last - s->first + 1u) * BLK_SECTOR;
		copy_sectors(to_peer ? page : p, to_peer ? p : page, len);
	}
}

/* For a batch of jobs: the data moves, and those whose grants failed get err. */
static void copy_round(struct vbd *b, struct job **jobs, unsigned int n, int to_peer)
{
	unsigned int i, at = 0;
	int rc;

	for (i = 0; i < n; i++) {
		jobs[i]->nr_copies = 0;
		if (!jobs[i]->mapped)
			at = copies_add(jobs[i], at);
		else
			move_mapped(jobs[i], to_peer);
	}
	rc = at ? peer_copy(b->peer, copies, at, to_peer) : 0;
	for (i = 0, at = 0; i < n; at += jobs[i++]->nr_copies) {
		if (jobs[i]->nr_copies && (rc || !copies_ok(jobs[i], at))) {
			why_set(&b->why, TE_DEVICE,
				"request %#llx: a grant of its segments cannot be used",
				(unsigned long long)jobs[i]->rq.id);
			jobs[i]->err = -EFAULT;
		}
	}
}

/* Of the i-th frame of segments, what is used. */
static size_t indirect_bytes(const struct blk_request *rq, unsigned int i)
{
	unsigned int left = rq->nr_segments - i * (unsigned int)BLK_SEGS_PER_PAGE;

	return left < BLK_SEGS_PER_PAGE ? left * sizeof(struct blkif_request_segment) : PAGE;
}

static int read_indirect(struct vbd *b, struct job *j)
{
	static uint8_t page[PAGE] __attribute__((aligned(4096)));
	struct peer_copy c;
	struct grant *e;
	unsigned int i;

	for (i = 0; i < j->rq.nr_indirect; i++) {
		e = b->persistent ? grants_get(&b->grants, j->rq.indirect[i]) : NULL;
		if (e) {
			memcpy(page, grant_page(e), indirect_bytes(&j->rq, i));
			grants_put(&b->grants, e);
			request_add_indirect(&j->rq, i, page);
			continue;
		}
		c = (struct peer_copy){ .gref = j->rq.indirect[i], .len = PAGE, .local = page };
		if (peer_copy(b->peer, &c, 1, 0) || !c.ok)
			return why_set(&b->why, TE_DEVICE,
				       "indirect frame %u (grant %u) cannot be read", i,
				       j->rq.indirect[i]);
		request_add_indirect(&j->rq, i, page);
	}
	return 0;
}

/* --- taking requests ------------------------------------------------------ */

static struct blk_limits limits(const struct vbd *b)
{
	return (struct blk_limits){ b->disk->size / BLK_SECTOR, b->disk->block, b->disk->read_only,
				    b->disk->can_discard };
}

static void count(struct vbd *b, const struct blk_request *rq)
{
	struct record_file *f = b->record;

	switch (rq->op) {
	case BLKIF_OP_READ:
		f->reads++;
		f->read_sectors += rq->nr_sectors;
		break;
	case BLKIF_OP_FLUSH_DISKCACHE: f->flushes++; break;
	case BLKIF_OP_DISCARD: f->discards++; break;
	default:
		f->writes++;
		f->written_sectors += rq->nr_sectors;
		break;
	}
}

/* From the record's slot to a job ready for its first I/O. False: it was answered with an error. */
static bool job_prepare(struct vbd *b, struct job *j)
{
	struct blk_limits l = limits(b);
	int rc;

	rc = request_decode(j->record->slot, b->abi, &j->rq, &b->why);
	if (!rc && j->rq.nr_indirect)
		rc = read_indirect(b, j);
	if (!rc)
		rc = request_check(&j->rq, &l, &b->why);
	if (rc) {
		job_answer(b, j, rc == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR);
		return false;
	}
	count(b, &j->rq);
	j->err = 0;
	j->stage = STAGE_DATA;
	j->io.offset = j->rq.sector * BLK_SECTOR;
	j->io.len = j->rq.nr_sectors * BLK_SECTOR;
	j->io.done = on_done;
	switch (j->rq.op) {
	case BLKIF_OP_READ: j->io.op = DISK_READ; break;
	case BLKIF_OP_DISCARD: j->io.op = DISK_DISCARD; break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		j->io.op = j->rq.nr_segments ? DISK_WRITE : DISK_FLUSH;
		break;
	default: j->io.op = DISK_WRITE; break;
	}
	if (j->io.op <= DISK_WRITE && b->persistent)
		job_map(b, j);
	if (j->io.op <= DISK_WRITE && !buffer_for(b, j, j->io.len)) {
		job_answer(b, j, BLKIF_RSP_ERROR);
		return false;
	}
	j->io.buf = j->io.op <= DISK_WRITE ? j->buf : NULL;
	if (j->io.op == DISK_WRITE && j->rq.op == BLKIF_OP_FLUSH_DISKCACHE) {
		/* all that was answered is to be there before its data is */
		j->stage = STAGE_PRE_FLUSH;
		j->io.op = DISK_FLUSH;
	}
	return true;
}

/* Writes fetch their data; then everything goes to the disk in one batch. */
static void jobs_start(struct vbd *b, struct job **jobs, unsigned int n)
{
	struct job *writes[ROUND];
	struct disk_io *io[ROUND];
	unsigned int i, w = 0, k = 0;

	for (i = 0; i < n; i++) {
		if (jobs[i]->io.op == DISK_WRITE)
			writes[w++] = jobs[i];
	}
	copy_round(b, writes, w, 0);
	for (i = 0; i < n; i++) {
		if (jobs[i]->err)
			job_answer(b, jobs[i], BLKIF_RSP_ERROR);
		else
			io[k++] = &jobs[i]->io;
	}
	disk_submit(b->disk, io, k);
}

/* A barrier is alone: all before it are answered, none after it is taken. Flush, its data, flush. */
static void barrier_start(struct vbd *b)
{
	struct job *j = b->barrier;

	b->barrier = NULL;
	if (!job_prepare(b, j))
		return;
	j->stage = STAGE_PRE_FLUSH;
	j->io.op = DISK_FLUSH;
	disk_submit(b->disk, &(struct disk_io *){ &j->io }, 1);
	b->barrier = j;
}

static bool is_barrier(const struct job *j)
{
	return j->record->slot[0] == BLKIF_OP_WRITE_BARRIER;
}

/* Takes what queue i offers, up to a round; returns how many were taken. */
static unsigned int queue_take(struct vbd *b, unsigned int i, struct job **ready,
			       unsigned int *nr_ready)
{
	struct vbd_queue *q = &b->queue[i];
	unsigned int taken = 0;
	struct job *j;
	int waiting = ring_waiting(&q->ring);

	if (waiting < 0) {
		why_set(&b->why, TE_DEVICE,
			"queue %u: req_prod %u is more than a ring of %u ahead of %u", i,
			ring_shared_req_prod(&q->ring), q->ring.slots, q->ring.req_cons);
		vbd_break(b);
		return 0;
	}
	while (waiting-- > 0 && *nr_ready < ROUND && !b->barrier && may_take(b)) {
		j = job_get(b);
		j->record->queue = i;
		j->record->index = q->ring.req_cons;
		ring_take(&q->ring, j->record->slot);
		record_set(j->record, RECORD_TAKEN);
		taken++;
		j->stage = STAGE_HELD;
		if (is_barrier(j))
			b->barrier = j;
		else if (job_prepare(b, j))
			ready[(*nr_ready)++] = j;
	}
	return taken;
}

/* A round of all queues. Each is the first in its turn: what fits may be less than one of them has,
 * and it would have it always. */
static unsigned int queues_take(struct vbd *b, struct job **ready, unsigned int *nr_ready)
{
	unsigned int i, q = b->first, taken = 0;

	for (i = 0; i < b->queues && !b->broken && !b->barrier; i++) {
		taken += queue_take(b, q, ready, nr_ready);
		q = q + 1 < b->queues ? q + 1 : 0;
	}
	if (taken)
		b->first = b->first + 1 < b->queues ? b->first + 1 : 0;
	return taken;
}

static void drain(struct vbd *b, unsigned int *turns)
{
	struct job *ready[ROUND];
	unsigned int i, n, taken;
	bool again;

	do {
		n = 0;
		again = false;
		taken = queues_take(b, ready, &n);
		if (n)
			jobs_start(b, ready, n);
		if (b->barrier && b->in_flight == 1 && b->barrier->stage == STAGE_HELD)
			barrier_start(b);
		push_answers(b);
		if (disk_completed(b->disk))
			return; /* a fast disk, or page cache: its answers first */
		/* Ask to be told of more only when nothing was left: a completion drains again
		 * otherwise. */
		for (i = 0; !taken && i < b->queues && !b->broken && !b->barrier && may_take(b); i++)
			again |= ring_arm(&b->queue[i].ring);
	} while (--*turns && (taken || again) && !b->broken && !b->barrier && may_take(b));
}

/* --- completions ---------------------------------------------------------- */

/* True if the job goes on with another step on the disk. */
static bool job_next_stage(struct vbd *b, struct job *j)
{
	if (j->err)
		return false;
	if (j->stage == STAGE_PRE_FLUSH) {
		if (!j->rq.nr_segments)
			return false;
		copy_round(b, &j, 1, 0);
		if (j->err)
			return false;
		j->stage = STAGE_DATA;
		j->io.op = DISK_WRITE;
		return true;
	}
	if (j->stage == STAGE_DATA && j->io.op == DISK_WRITE &&
	    (j->rq.op == BLKIF_OP_FLUSH_DISKCACHE || j->rq.op == BLKIF_OP_WRITE_BARRIER)) {
		j->stage = STAGE_POST_FLUSH;
		j->io.op = DISK_FLUSH;
		return true;
	}
	return false;
}

/* A disk may offer discard and not have it where it is asked for: that is no error of the disk. */
static int16_t status_of(int err)
{
	if (!err)
		return BLKIF_RSP_OKAY;
	return err == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

static void finish_round(struct vbd *b, struct job **jobs, unsigned int n)
{
	struct job *reads[ROUND];
	unsigned int i, r = 0;

	for (i = 0; i < n; i++) {
		if (jobs[i]->io.op == DISK_READ && !jobs[i]->err)
			reads[r++] = jobs[i];
	}
	copy_round(b, reads, r, 1);
	for (i = 0; i < n; i++) {
		if (job_next_stage(b, jobs[i])) {
			disk_submit(b->disk, &(struct disk_io *){ &jobs[i]->io }, 1);
			continue;
		}
		if (b->barrier == jobs[i])
			b->barrier = NULL;
		job_answer(b, jobs[i], status_of(jobs[i]->err));
	}
}

static void finish_completed(struct vbd *b)
{
	struct job *round[ROUND], *j;
	unsigned int n;

	while (b->completed) {
		for (n = 0; n < ROUND && (j = b->completed); n++) {
			b->completed = j->next;
			if (!b->completed)
				b->completed_tail = &b->completed;
			round[n] = j;
		}
		finish_round(b, round, n);
	}
}

void vbd_on_disk(struct vbd *b)
{
	disk_complete(b->disk);
	vbd_on_event(b);
}

void vbd_on_event(struct vbd *b)
{
	unsigned int turns = TURNS;

	finish_completed(b);
	while (b->connected && !b->broken && turns) {
		drain(b, &turns);
		disk_reap(b->disk);
		if (!b->completed)
			break;
		finish_completed(b); /* what ended at once: errors, discards */
	}
	b->more = !turns && b->connected && !b->broken;
}

/* --- connecting ----------------------------------------------------------- */

int vbd_init(struct vbd *b, struct peer *peer, struct disk *disk, struct record_file *record,
	     struct why *why)
{
	unsigned int i;

	memset(b, 0, sizeof(*b));
	b->peer = peer;
	b->disk = disk;
	b->record = record;
	b->completed_tail = &b->completed;
	grants_init(&b->grants, peer);
	b->jobs = calloc(BLK_MAX_JOBS, sizeof(*b->jobs));
	if (!b->jobs)
		return why_set(why, TE_NO_MEMORY, "no memory for %u jobs", BLK_MAX_JOBS);
	for (i = 0; i < BLK_MAX_JOBS; i++) {
		b->jobs[i].vbd = b;
		b->jobs[i].record = &record->record[i];
	}
	for (i = 0; i < BLK_MAX_QUEUES; i++)
		b->queue[i].port = -1;
	return 0;
}

void vbd_free(struct vbd *b)
{
	unsigned int i;

	for (i = 0; i < BLK_MAX_JOBS; i++)
		free(b->jobs[i].buf);
	free(b->jobs);
}

static bool same_connection(const struct record_file *f, const struct vbd_choice *c)
{
	unsigned int i;

	if (!f->connected || f->abi != c->abi || f->queues != c->queues || f->pages != c->pages)
		return false;
	for (i = 0; i < c->queues; i++) {
		if (f->port[i] != c->port[i] || f->gref[i] != c->gref[i][0])
			return false;
	}
	return true;
}

static void remember_connection(struct record_file *f, const struct vbd_choice *c)
{
	unsigned int i;

	f->abi = c->abi;
	f->queues = c->queues;
	f->pages = c->pages;
	for (i = 0; i < c->queues; i++) {
		f->port[i] = c->port[i];
		f->gref[i] = c->gref[i][0];
	}
	f->connected = 1;
}

static bool was_answered(const struct vbd *b, const struct record *r)
{
	return r->state == RECORD_ANSWERED &&
	       (int32_t)(ring_shared_rsp_prod(&b->queue[r->queue].ring) - r->rsp_index) > 0;
}

static void job_again(struct vbd *b, struct job *j, struct job **ready, unsigned int *n)
{
	b->record->in_flight = ++b->in_flight;
	b->queue[j->record->queue].ring.req_cons++; /* one request, one answer: consumed is answered
						       plus these */
	record_set(j->record, RECORD_TAKEN);
	if (is_barrier(j))
		b->barrier = j;
	else if (job_prepare(b, j))
		ready[(*n)++] = j;
}

/* What an earlier daemon took and nobody answered is done again: writes are the same writes, the
 * guest still waits for all of them. */
static void recover(struct vbd *b)
{
	struct job *ready[ROUND];
	unsigned int i, n = 0;

	for (i = 0; i < BLK_MAX_JOBS; i++) {
		struct job *j = &b->jobs[i];
		struct record *r = j->record;

		j->stage = STAGE_HELD;
		if (r->state == RECORD_FREE || r->queue >= b->queues || was_answered(b, r)) {
			record_set(r, RECORD_FREE);
			j->next = b->free_jobs;
			b->free_jobs = j;
			continue;
		}
		job_again(b, j, ready, &n);
		if (n == ROUND) {
			jobs_start(b, ready, n);
			n = 0;
		}
	}
	jobs_start(b, ready, n);
}

int vbd_connect(struct vbd *b, const struct vbd_choice *c, struct why *why)
{
	unsigned int i;
	int rc = 0;

	b->abi = c->abi;
	b->pages = c->pages;
	b->queues = c->queues;
	b->broken = false;
	b->barrier = NULL;
	b->first = 0;
	b->persistent = c->persistent;
	b->free_jobs = b->answered = NULL;
	b->in_flight = 0;
	for (i = 0; i < c->queues; i++) {
		struct vbd_queue *q = &b->queue[i];

		q->mapped = peer_map(b->peer, c->gref[i], c->pages, 1);
		if (!q->mapped) {
			rc = why_set(
				why, TE_DEVICE,
				"queue %u: the ring's %u frames (grant %u...) cannot be mapped: %s",
				i, c->pages, c->gref[i][0], strerror(errno));
			goto out;
		}
		q->port = peer_bind(b->peer, c->port[i]);
		if (q->port < 0) {
			rc = why_set(why, TE_DEVICE,
				     "queue %u: event channel %u of d%u cannot be bound: %s", i,
				     c->port[i], peer_domid(b->peer), strerror(-q->port));
			goto out;
		}
		ring_init(&q->ring, q->mapped, (size_t)c->pages * PAGE, blk_slot_size(c->abi));
	}
	if (same_connection(b->record, c))
		b->record->restarts++;
	else
		record_reset(b->record);
	b->connected = true;
	/* An earlier daemon may have died between showing an answer and telling of it. */
	for (i = 0; i < c->queues; i++)
		b->queue[i].tell = true;
	recover(b);
	remember_connection(b->record, c);
	vbd_on_event(b);
	return 0;

out:
	vbd_disconnect(b);
	return rc;
}

void vbd_disconnect(struct vbd *b)
{
	unsigned int i;

	while (b->connected &&
	       b->in_flight > (b->barrier && b->barrier->stage == STAGE_HELD ? 1u : 0u)) {
		struct pollfd pfd = { .fd = b->disk->event_fd, .events = POLLIN };

		b->broken = true; /* nothing new is taken */
		if (!b->completed)
			poll(&pfd, 1, 1000);
		disk_complete(b->disk);
		finish_completed(b);
	}
	if (b->connected)
		push_answers(b);
	b->connected = false;
	grants_drop_all(&b->grants);
	record_reset(b->record);
	for (i = 0; i < BLK_MAX_QUEUES; i++) {
		peer_unbind(b->peer, b->queue[i].port);
		if (b->queue[i].mapped)
			peer_unmap(b->peer, b->queue[i].mapped, b->pages);
		b->queue[i].port = -1;
		b->queue[i].mapped = NULL;
	}
	b->queues = 0;
}
