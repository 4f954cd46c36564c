/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain as a stream: what of it is sent, and in which order. What of its memory, and when, is in
 * rounds.c and pages.c. */
#include "migration/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/sender.h"
#include "migration/stream.h"

#define EXTENDED_ROOM 1024u
#define CONTEXT_ROOM  (2 * HOST_PAGE_SIZE)

int sender_io_failed(struct why *why, int rc)
{
	if (rc == -ETIMEDOUT)
		return why_set(why, TE_TIMEOUT, "the stream has stopped");
	return rc ? why_set(why, TE_STREAM, "cannot write the stream: %s", strerror(-rc)) : 0;
}

int sender_progress(struct sender *s, struct why *why)
{
	s->progress.bytes = s->io->bytes_out;
	s->progress.elapsed_ns = mig_now_ns() - s->started_ns;
	if (s->calls->progress && s->calls->progress(s->calls->arg, &s->progress))
		return why_set(why, TE_STATE, "given up by the user");
	if (s->rest_until_ns && s->io->deadline_ns > s->rest_until_ns)
		s->io->deadline_ns = s->rest_until_ns;
	return 0;
}

int send_list(struct sender *s, struct why *why)
{
	return sender_io_failed(why, stream_write_p2m_frames(s->io, 0, (uint32_t)(s->list.pages - 1),
							     s->list.frame_pfns, s->list.frames));
}

/* What the other side needs to make a domain. It has it at once, so that this is done while the
 * guest's memory is looked at here. */
static int write_head(struct sender *s, struct why *why)
{
	struct host_info host;
	bool is_32bit;
	int rc = host_info(s->h, &host, why);

	if (!rc)
		rc = host_domain_is_32bit(s->h, s->domid, &is_32bit, why);
	if (rc)
		return rc;
	s->cpus = host.cpus;
	s->first_byte = s->io->bytes_out;
	rc = stream_write_head(s->io, host.version_major, host.version_minor);
	if (!rc)
		rc = stream_write_pv_info(s->io, is_32bit);
	return sender_io_failed(why, rc ? rc : mig_flush(s->io));
}

static int write_front(struct sender *s, struct why *why)
{
	int rc = stream_write(s->io, STREAM_STATIC_DATA_END, NULL, 0, NULL, 0);

	return rc ? sender_io_failed(why, rc) : send_list(s, why);
}

static int send_vcpu(struct sender *s, uint32_t v, struct why *why)
{
	uint64_t context[CONTEXT_ROOM / sizeof(uint64_t)] = { 0 },
					extended[EXTENDED_ROOM / sizeof(uint64_t)];
	size_t size = context_size(s->list.is_32bit), extended_size = sizeof(extended), xsave_size;
	struct vcpu_info_row row;
	void *xsave = NULL;
	int rc;

	rc = host_vcpu_info(s->h, s->domid, v, &row, why);
	if (rc || !row.online)
		return rc;
	rc = host_vcpu_get_context(s->h, s->domid, v, context, size, why);
	/* one that runs has other things in its registers than one that suspended itself */
	if (!rc && s->suspended_ns &&
	    !context_translate(context, s->list.is_32bit, v == 0, guest_list_pfn, &s->list))
		rc = why_set(why, TE_STATE,
			     "the state of vCPU %u of domain %u names a frame that is not its own",
			     v, s->domid);
	if (!rc)
		rc = sender_io_failed(why, stream_write_vcpu(s->io, STREAM_VCPU_BASIC, v, context,
							     size));
	if (!rc)
		rc = host_vcpu_get_extended(s->h, s->domid, v, extended, &extended_size, why);
	if (!rc)
		rc = sender_io_failed(why, stream_write_vcpu(s->io, STREAM_VCPU_EXTENDED, v,
							     extended, extended_size));
	if (!rc)
		rc = host_vcpu_get_xsave(s->h, s->domid, v, &xsave, &xsave_size, why);
	if (!rc && xsave)
		rc = sender_io_failed(why, stream_write_vcpu(s->io, STREAM_VCPU_XSAVE, v, xsave,
							     xsave_size));
	free(xsave);
	return rc;
}

static int send_state(struct sender *s, struct why *why)
{
	struct host_tsc t = { 0 };
	void *shared;
	int rc;

	rc = host_tsc_get(s->h, s->domid, &t, why);
	if (!rc)
		rc = sender_io_failed(why, stream_write_tsc(s->io, &(struct stream_tsc){
									   t.mode, t.khz, t.nsec,
									   t.incarnation }));
	if (rc)
		return rc;
	shared = host_map(s->h, s->domid, false, &s->info.shared_info_frame, 1, why);
	if (!shared)
		return -EIO;
	rc = sender_io_failed(why, stream_write(s->io, STREAM_SHARED_INFO, NULL, 0, shared,
						HOST_PAGE_SIZE));
	host_unmap(s->h, shared, 1);
	for (uint32_t v = 0; !rc && v < s->info.vcpus_max; v++)
		rc = send_vcpu(s, v, why);
	if (!rc)
		rc = sender_io_failed(why, stream_write(s->io, STREAM_END, NULL, 0, NULL, 0));
	return rc ? rc : sender_io_failed(why, mig_flush(s->io));
}

static int swallow(struct mig_io *io, struct iovec *v, int n)
{
	(void)io, (void)v, (void)n;
	return 0;
}

uint64_t rehearse_state(struct sender *s)
{
	static const struct mig_io_ops ops = { .writev = swallow };
	struct mig_io nowhere = { .ops = &ops };
	struct sender rehearsal = *s;
	uint64_t start = mig_now_ns();

	rehearsal.io = &nowhere;
	send_state(&rehearsal, &(struct why){ 0 });
	return mig_now_ns() - start;
}

static int wait_acknowledged(struct sender *s, struct why *why)
{
	char answer[sizeof(MIG_ACKNOWLEDGED) - 1];
	int rc = mig_read(s->io, answer, sizeof(answer));

	if (rc)
		return why_set(why, TE_STREAM, "the other side has not said that it has all: %s",
			       strerror(-rc));
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

/* The pages, and then what is read when the guest stands still. */
static int send_domain(struct sender *s, struct why *why)
{
	int rc = pages_open(s, why);

	if (!rc)
		rc = write_front(s, why);
	if (!rc)
		rc = rounds_send(s, why);
	if (!rc)
		rc = send_state(s, why);
	mig_part_end(&s->out->parts, PART_STATE, &s->out->mark_ns);
	if (!rc && s->calls->sent)
		rc = s->calls->sent(s->calls->arg, why);
	pages_close(s); /* not before: to give that much memory back takes its time */
	if (!rc && s->o->acknowledge)
		rc = wait_acknowledged(s, why);
	return rc;
}

int mig_send(struct host *h, uint32_t domid, const struct mig_send_opts *o, struct mig_io *io,
	     const struct mig_calls *calls, struct mig_outcome *out, struct why *why)
{
	struct sender s = { .h = h,
			    .domid = domid,
			    .io = io,
			    .o = o,
			    .calls = calls,
			    .out = out,
			    .started_ns = mig_now_ns() };
	int rc = 0;

	*out = (struct mig_outcome){ .rounds = 1 };
	if (!o->live) {
		rc = calls->suspend(calls->arg, why);
		if (rc)
			return rc;
		s.suspended_ns = out->mark_ns = mig_now_ns();
	}
	rc = host_domain_info(h, domid, &s.info, why);
	if (!rc)
		rc = write_head(&s, why);
	if (!rc)
		rc = guest_list_open(&s.list, h, domid, why);
	if (!rc)
		rc = send_domain(&s, why);
	guest_list_close(&s.list);
	out->bytes = io->bytes_out;
	out->total_ns = mig_now_ns() - s.started_ns;
	out->pause_ns = s.suspended_ns ? mig_now_ns() - s.suspended_ns : 0;
	if (rc && o->live)
		host_log_dirty(h, domid, false, &(struct why){ 0 });
	if (rc && s.suspended_ns)
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
	/* was it moved live: nobody asks any more */
	host_log_dirty(h, domid, false, &(struct why){ 0 });
	context_set_suspend_result(context, is_32bit, 1);
	rc = host_vcpu_set_context(h, domid, 0, context, context_size(is_32bit), why);
	return rc ? rc : host_domain_resume(h, domid, why);
}
