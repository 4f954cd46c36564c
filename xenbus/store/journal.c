/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal: two mapped files, records, the header's length as the point at which they count. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xenbus/store/domain.h"
#include "xenbus/store/journal.h"

#define MAGIC  "TorcSJ1"
#define HEADER 4096
#define STEP   (1u << 20) /* grows by at least so much */
#define SLACK  (4u << 20) /* records beyond twice the state's size before the files switch */
#define REQUEST_ROOM \
	(64u << 10) /* what a request outside of transactions records at most, with some events */

struct header {
	char magic[8];
	char boot[40]; /* the kernel's boot id: older state is of domains that are gone */
	uint64_t seq;  /* the higher one counts */
	_Atomic uint32_t complete; /* the state in it is whole */
	_Atomic uint64_t length;   /* records that count */
};

struct slot {
	int fd;
	char *map;
	size_t size;
};

struct journal {
	struct slot slot[2];
	unsigned cur;
	size_t tail;  /* records written, counting or not */
	size_t state; /* size of the state at the head of the file */
	uint64_t seq;
	char boot[40];
	bool failed;  /* no room: nothing is recorded until it has been written anew */
	bool opening; /* what a predecessor left is still all that there is */
	bool muted;   /* loading: what happens is in the journal already */
	struct bytes scratch;
};

static struct header *header(struct slot *s)
{
	return (struct header *)s->map;
}

/* On a file system that reserves nothing a byte is written for each that is to be there. Not by
 * posix_fallocate(), which does that too: it reads all that was there before, and asks for more of
 * the kernel than the sandbox allows. */
static int fill(int fd, off_t from, off_t to)
{
	static const char zeros[HEADER];
	ssize_t n;

	if (lseek(fd, from, SEEK_SET) < 0)
		return -errno;
	for (; from < to; from += n) {
		n = write(fd, zeros, (size_t)(to - from < HEADER ? to - from : HEADER));
		if (n < 0 && errno != EINTR)
			return -errno;
		n = n < 0 ? 0 : n;
	}
	return 0;
}

static int reserve(int fd, off_t from, off_t to)
{
	int rc;

	do
		rc = fallocate(fd, 0, from, to - from) ? -errno : 0;
	while (rc == -EINTR);
	return rc == -EOPNOTSUPP || rc == -ENOSYS ? fill(fd, from, to) : rc;
}

/* Room for size bytes, reserved, so that writing to the map cannot fail later. */
static int slot_grow(struct slot *s, size_t size)
{
	void *map;
	int rc;

	if (size <= s->size)
		return 0;
	size = (size + STEP - 1) / STEP * STEP;
	rc = reserve(s->fd, (off_t)s->size, (off_t)size);
	if (rc)
		return rc;
	map = s->map ? mremap(s->map, s->size, size, MREMAP_MAYMOVE) :
		       mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	s->map = map;
	s->size = size;
	return 0;
}

static void slot_empty(struct slot *s)
{
	if (s->map)
		munmap(s->map, s->size);
	s->map = NULL;
	s->size = 0;
	if (ftruncate(s->fd, 0))
		log_warn("journal: cannot empty a file: %s", strerror(errno));
}

/* What goes on from here is in neither file: a successor must not take the one for the other. But
 * one who cannot even begin has changed nothing, and begins when there is room. */
static void fail(struct journal *j, int err)
{
	int i;

	j->failed = true;
	for (i = 0; i < 2 && !j->opening; i++)
		if (j->slot[i].map)
			atomic_store(&header(&j->slot[i])->complete, 0);
	if (j->opening)
		return;
	log_warn("journal: no room for more (%s): until there is, a crash of the store would lose its state. "
		 "Make room in its directory (df shows it)",
		 strerror(-err));
}

static void append(struct journal *j, enum record type, const struct bytes *payload)
{
	struct slot *s = &j->slot[j->cur];
	uint32_t head[2] = { type, bytes_len(payload) };
	int rc;

	if (j->failed || j->muted)
		return;
	rc = slot_grow(s, HEADER + j->tail + sizeof(head) + head[1]);
	if (rc) {
		fail(j, rc);
		return;
	}
	memcpy(s->map + HEADER + j->tail, head, sizeof(head));
	memcpy(s->map + HEADER + j->tail + sizeof(head), bytes_at(payload), head[1]);
	j->tail += sizeof(head) + head[1];
}

static void append_to(void *journal, enum record type, const struct bytes *payload)
{
	append(journal, type, payload);
}

bool journal_has_room(struct server *sv)
{
	struct journal *j = sv->journal;

	if (!j)
		return true;
	if (j->failed)
		journal_compact(sv);
	return !j->failed && !slot_grow(&j->slot[j->cur], HEADER + j->tail + REQUEST_ROOM);
}

void journal_compact(struct server *sv)
{
	struct journal *j = sv->journal;
	unsigned old = j->cur;
	struct slot *s = &j->slot[!old];
	int rc;

	slot_empty(s);
	rc = slot_grow(s, HEADER);
	if (rc) {
		fail(j, rc);
		return;
	}
	memcpy(header(s)->magic, MAGIC, sizeof(MAGIC));
	memcpy(header(s)->boot, j->boot, sizeof(j->boot));
	header(s)->seq = ++j->seq;
	j->cur = !old;
	j->tail = 0;
	j->failed = false;
	records_dump(sv, false, append_to, j);
	if (j->failed) {
		slot_empty(s);
		return;
	}
	j->state = j->tail;
	atomic_store(&header(s)->length, j->tail);
	atomic_store(&header(s)->complete, 1);
	slot_empty(&j->slot[old]);
	log_debug("journal: state written anew, %zu bytes", j->state);
}

void journal_commit(struct server *sv)
{
	struct journal *j = sv->journal;

	if (!j || j->failed || j->muted)
		return;
	atomic_store_explicit(&header(&j->slot[j->cur])->length, j->tail, memory_order_release);
	if (j->tail > 2 * j->state + SLACK)
		journal_compact(sv);
}

static int slot_open(struct slot *s, int dir, const char *name)
{
	struct stat st;

	s->fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0 || fstat(s->fd, &st))
		return -errno;
	if (st.st_size < HEADER)
		return 0;
	s->map = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return -errno;
	}
	s->size = st.st_size;
	return 0;
}

static bool slot_counts(struct slot *s, const struct journal *j)
{
	const struct header *h = s->map ? header(s) : NULL;

	return h && !memcmp(h->magic, MAGIC, sizeof(MAGIC)) &&
	       !memcmp(h->boot, j->boot, sizeof(j->boot)) && h->complete &&
	       h->length <= s->size - HEADER;
}

static void load(struct server *sv, struct slot *s)
{
	struct loader l = { .sv = sv };
	struct cut all = { .p = s->map + HEADER, .end = s->map + HEADER + header(s)->length };
	size_t records = 0;

	while (all.p < all.end) {
		const char *at = all.p;
		enum record type = cut_u32(&all);
		size_t len;
		struct cut in = { .p = cut_data(&all, &len) };

		in.end = in.p + len;
		if (all.bad || records_load(&l, type, &in)) {
			log_warn("journal: the record at byte %zu (type %d, %zu bytes) cannot be read; what was before it "
				 "is there, what was behind it is lost",
				 at - s->map, type, len);
			break;
		}
		records++;
	}
	log_info("took over from a predecessor: %zu records, %" PRIu64 " nodes, %u domains",
		 records, tree_nr_nodes(), HASH_COUNT(sv->domains));
}

static void read_boot_id(char *out, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, size);
	if (fd < 0 || read(fd, out, size - 1) <= 0)
		log_warn("journal: no boot id; a state from before the last boot cannot be told");
	if (fd >= 0)
		close(fd);
}

int journal_open(struct server *sv, const char *path, bool fresh)
{
	struct journal *j = mem_alloc(sizeof(*j));
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc, use = -1;

	if (dir < 0) {
		rc = -errno;
		free(j);
		return rc;
	}
	rc = slot_open(&j->slot[0], dir, "journal.0");
	if (!rc)
		rc = slot_open(&j->slot[1], dir, "journal.1");
	close(dir);
	if (rc) {
		free(j);
		return rc;
	}
	read_boot_id(j->boot, sizeof(j->boot));
	for (int i = 0; i < 2; i++) {
		if (!slot_counts(&j->slot[i], j))
			continue;
		if (use < 0 || header(&j->slot[i])->seq > header(&j->slot[use])->seq)
			use = i;
	}
	sv->journal = j;
	if (use >= 0) {
		j->seq = header(&j->slot[use])->seq;
		j->cur = use;
		if (!fresh) {
			j->muted = true;
			load(sv, &j->slot[use]);
			j->muted = false;
		}
	}
	j->opening = true;
	journal_compact(sv);
	j->opening = false;
	return j->failed ? -ENOSPC : 0;
}

void journal_close(struct server *sv)
{
	struct journal *j = sv->journal;
	int i;

	if (!j)
		return;
	for (i = 0; i < 2; i++) {
		if (j->slot[i].map)
			munmap(j->slot[i].map, j->slot[i].size);
		close(j->slot[i].fd);
	}
	bytes_free(&j->scratch);
	free(j);
	sv->journal = NULL;
}

/* Each of these makes one record. begin() gives the payload to fill, end() appends it. */
static struct bytes *begin(struct journal *j)
{
	if (!j || j->muted || j->failed)
		return NULL;
	j->scratch.head = j->scratch.tail = 0;
	return &j->scratch;
}

static struct bytes *begin_conn(struct conn *c)
{
	struct bytes *b = domain_of(c) ? begin(c->sv->journal) : NULL;

	if (b)
		put_u32(b, c->domid);
	return b;
}

void journal_op(struct journal *j, const struct op *op)
{
	struct bytes *b = begin(j);

	if (!b)
		return;
	op_dump(op, b);
	append(j, REC_OP, b);
}

static void append_number(struct server *sv, enum record type, unsigned n)
{
	struct bytes *b = begin(sv->journal);

	if (!b)
		return;
	put_u32(b, n);
	append(sv->journal, type, b);
}

void journal_special(struct server *sv, enum special which)
{
	const struct store_perm *list = perms_list(sv->special[which]);
	struct bytes *b = begin(sv->journal);
	size_t i;

	if (!b)
		return;
	put_u32(b, which);
	put_u32(b, perms_count(sv->special[which]));
	for (i = 0; i < perms_count(sv->special[which]); i++)
		put_u32(b, list[i].domid | (uint32_t)list[i].access << 16);
	append(sv->journal, REC_SPECIAL, b);
}

void journal_domain(struct server *sv, const struct domain *d)
{
	struct bytes *b = begin(sv->journal);

	if (!b)
		return;
	domain_record(d, b);
	append(sv->journal, REC_DOMAIN, b);
}

void journal_release(struct server *sv, unsigned domid)
{
	append_number(sv, REC_RELEASE, domid);
}

void journal_forget(struct server *sv, unsigned domid)
{
	append_number(sv, REC_FORGET, domid);
}

void journal_quota(struct server *sv, int domid, enum quota q, int64_t limit)
{
	struct bytes *b = begin(sv->journal);

	if (!b)
		return;
	put_u32(b, domid);
	put_u32(b, q);
	put_u64(b, limit);
	append(sv->journal, REC_QUOTA, b);
}

static void append_watch(struct conn *c, enum record type, const char *path, const char *token)
{
	struct bytes *b = begin_conn(c);

	if (!b)
		return;
	put_text(b, path);
	put_text(b, token);
	append(c->sv->journal, type, b);
}

void journal_watch(struct conn *c, const char *path, const char *token)
{
	append_watch(c, REC_WATCH, path, token);
}

void journal_unwatch(struct conn *c, const char *path, const char *token)
{
	append_watch(c, REC_UNWATCH, path, token);
}

void journal_reset(struct conn *c)
{
	struct bytes *b = begin_conn(c);

	if (b)
		append(c->sv->journal, REC_RESET, b);
}

void journal_txn(struct conn *c, uint32_t id, bool open)
{
	struct bytes *b = begin_conn(c);

	if (!b)
		return;
	put_u32(b, id);
	put_u32(b, open);
	append(c->sv->journal, REC_TXN, b);
}

static void append_stream(struct conn *c, enum record type, uint32_t pos, const void *p, size_t len)
{
	struct bytes *b = begin_conn(c);

	if (!b)
		return;
	put_u32(b, pos);
	put_data(b, p, len);
	append(c->sv->journal, type, b);
}

void journal_out(struct conn *c, const void *p, size_t len)
{
	append_stream(c, REC_OUT, c->out_pos, p, len);
}

void journal_in(struct conn *c, const void *p, size_t len)
{
	append_stream(c, REC_IN, c->in_pos, p, len);
}

void journal_took(struct conn *c)
{
	append_stream(c, REC_TOOK, c->in_pos, NULL, 0);
}
