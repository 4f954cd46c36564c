/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The remote protocol's packets that are a letter: registers, memory, breakpoints, running. vCPU n
 * is thread n + 1. All stop when one does. Breakpoints of software alone are offered: those of
 * hardware are the guest's.
 */
#include "dom0-tools/gdb/gdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX	    (4u << 20) /* a peer that asks and does not listen is left */
#define INT3_KIND   1u
#define ALL_THREADS UINT64_MAX

static void say_ok(struct stub *s)
{
	reply_say(&s->r, "OK");
}

/* Numbers are the protocol's: it knows no others, and gdb shows them as they are. */
static void say_error(struct stub *s, int err)
{
	s->r.len = 0;
	s->r.full = false;
	reply_say(&s->r, "E%02x", (unsigned int)(err < 0 ? -err : err) & 0xff);
}

static void queue(struct stub *s, const char *data, size_t len)
{
	if (!len)
		return;
	if (s->out_len + len > s->out_room) {
		size_t room = (s->out_len + len) * 2;
		uint8_t *grown = room <= OUT_MAX ? realloc(s->out, room) : NULL;

		if (!grown) {
			s->over = true;
			return;
		}
		s->out = grown;
		s->out_room = room;
	}
	memcpy(s->out + s->out_len, data, len);
	s->out_len += len;
}

static void send_reply(struct stub *s)
{
	if (s->r.full)
		say_error(s, ENOSPC);
	s->last_len = packet_make(s->last, s->r.data, s->r.len);
	queue(s, s->last, s->last_len);
	s->r.len = 0;
	s->r.full = false;
}

void stub_stop_reply(struct stub *s)
{
	struct reply *r = &s->r;

	switch (s->stop) {
	case STOP_EXITED:
		reply_say(r, "W%02x", (unsigned int)s->t->exit_code & 0xff);
		s->over = true;
		break;
	case STOP_GONE:
		reply_say(r, "X09");
		s->over = true;
		break;
	default:
		reply_say(r, "T%02xthread:%x;",
			  s->stop == STOP_INTERRUPT ? 2 :
			  s->stop == STOP_CRASHED   ? 6 :
						      5,
			  s->stop_vcpu + 1);
		if (s->stop == STOP_BREAKPOINT && s->swbreak)
			reply_say(r, "swbreak:;");
		s->about = s->stop_vcpu;
	}
}

/* --- registers and memory ------------------------------------------------- */

static void read_all(struct stub *s)
{
	const void *c = target_context(s->t, s->about);
	uint8_t value[16];

	if (!c) {
		say_error(s, ESRCH);
		return;
	}
	for (unsigned int n = 0; n < regs_count(s->t); n++)
		reply_hex(&s->r, value, regs_get(s->t, c, n, value));
}

static void write_all(struct stub *s, const char *p)
{
	void *c = target_context(s->t, s->about);
	uint8_t value[16];
	size_t size;

	if (!c) {
		say_error(s, ESRCH);
		return;
	}
	for (unsigned int n = 0; n < regs_count(s->t); n++, p += 2 * size) {
		size = regs_get(s->t, c, n, value);
		if (!hex_bytes(p, size, value)) {
			say_error(s, EINVAL);
			return;
		}
		regs_set(s->t, c, n, value);
		target_changed(s->t, s->about);
	}
	say_ok(s);
}

static void one_register(struct stub *s, const char *p, bool write)
{
	void *c = target_context(s->t, s->about);
	uint8_t value[16];
	uint64_t n;
	size_t size;

	if (!take_hex(&p, &n) || n >= regs_count(s->t) || !c) {
		say_error(s, c ? EINVAL : ESRCH);
		return;
	}
	size = regs_get(s->t, c, (unsigned int)n, value);
	if (!write) {
		reply_hex(&s->r, value, size);
		return;
	}
	if (!take_char(&p, '=') || !hex_bytes(p, size, value)) {
		say_error(s, EINVAL);
		return;
	}
	regs_set(s->t, c, (unsigned int)n, value);
	target_changed(s->t, s->about);
	say_ok(s);
}

static bool take_range(const char **p, uint64_t *va, uint64_t *len)
{
	return take_hex(p, va) && take_char(p, ',') && take_hex(p, len);
}

static void read_memory(struct stub *s, const char *p)
{
	uint8_t data[PACKET_MAX / 2];
	uint64_t va, len;
	size_t got;

	if (!take_range(&p, &va, &len)) {
		say_error(s, EINVAL);
		return;
	}
	if (len > sizeof(data))
		len = sizeof(data); /* less than asked for is allowed */
	got = memory_read(s->t, s->about, va, data, len);
	if (!got && len)
		say_error(s, EFAULT);
	else
		reply_hex(&s->r, data, got);
}

static void write_memory(struct stub *s, const char *p, bool binary)
{
	const char *end = s->in.data + s->in.len;
	uint8_t data[PACKET_MAX];
	uint64_t va, len;

	if (!take_range(&p, &va, &len) || !take_char(&p, ':') || len > sizeof(data) ||
	    len > (uint64_t)(end - p)) {
		say_error(s, EINVAL);
		return;
	}
	if (binary) {
		memcpy(data, p, len);
	} else if (!hex_bytes(p, len, data)) {
		say_error(s, EINVAL);
		return;
	}
	if (memory_write(s->t, s->about, va, data, len) != len)
		say_error(s, EFAULT);
	else
		say_ok(s);
}

static void breakpoint(struct stub *s, const char *p, bool insert)
{
	uint64_t type, va, kind;
	int rc;

	if (!take_hex(&p, &type) || !take_char(&p, ',') || !take_range(&p, &va, &kind)) {
		say_error(s, EINVAL);
		return;
	}
	if (type != 0 || *p) /* an empty answer: not offered */
		return;
	if (kind != INT3_KIND) {
		say_error(s, EINVAL);
		return;
	}
	rc = insert ? point_insert(s->t, s->about, va) : point_remove(s->t, va);
	if (rc && (insert || rc != -ENOENT))
		say_error(s, rc);
	else
		say_ok(s);
}

/* --- threads and running -------------------------------------------------- */

/* A thread's number, or -1 for all; 0 is any. False: there is no such. */
static bool take_thread(struct stub *s, const char **p, uint64_t *vcpu)
{
	uint64_t n;

	if (take_word(p, "-1")) {
		*vcpu = ALL_THREADS;
		return true;
	}
	if (!take_hex(p, &n) || n > s->t->nr_vcpus)
		return false;
	*vcpu = n ? n - 1 : s->about;
	return target_context(s->t, (uint32_t)*vcpu) != NULL;
}

static void set_thread(struct stub *s, const char *p)
{
	bool run = *p == 'c';
	uint64_t vcpu;

	p++;
	if (!take_thread(s, &p, &vcpu) || *p) {
		say_error(s, ESRCH);
		return;
	}
	if (run)
		s->running_as = vcpu == ALL_THREADS ? NO_VCPU : (uint32_t)vcpu;
	else if (vcpu != ALL_THREADS)
		s->about = (uint32_t)vcpu;
	say_ok(s);
}

static void start(struct stub *s)
{
	struct why why = { 0 };
	int rc = target_resume(s->t, &why);

	if (rc)
		say_error(s, rc);
}

static void clear_actions(struct stub *s)
{
	for (uint32_t n = 0; n < s->t->nr_vcpus; n++) {
		s->t->vcpus[n].action = ACTION_NONE;
		s->t->vcpus[n].range_from = s->t->vcpus[n].range_to = 0;
	}
}

/* c, s, and with a signal, which a guest has not got. An address in place of the present one is not
 * taken. */
static void run_simply(struct stub *s, bool step)
{
	uint32_t who = s->running_as == NO_VCPU ? s->about : s->running_as;

	clear_actions(s);
	if (step && !target_context(s->t, who)) {
		say_error(s, ESRCH);
		return;
	}
	for (uint32_t n = 0; n < s->t->nr_vcpus; n++)
		if (s->running_as == NO_VCPU || s->running_as == n)
			s->t->vcpus[n].action = ACTION_CONTINUE;
	if (step)
		s->t->vcpus[who].action = ACTION_STEP;
	start(s);
}

/* vCont;ACTION[:THREAD]...: the first that names a thread is its action. */
static void run_each(struct stub *s, const char *p)
{
	bool named[TARGET_VCPUS_MAX] = { 0 };

	clear_actions(s);
	while (take_char(&p, ';')) {
		uint64_t vcpu = ALL_THREADS, from = 0, to = 0, signal;
		enum action action;
		char c = *p;

		if (c)
			p++;
		action = c == 's' || c == 'S' || c == 'r' ? ACTION_STEP :
			 c == 'c' || c == 'C'		  ? ACTION_CONTINUE :
							    ACTION_NONE;
		if ((action == ACTION_NONE && c != 't') ||
		    ((c == 'C' || c == 'S') && !take_hex(&p, &signal)) ||
		    (c == 'r' && !take_range(&p, &from, &to)) ||
		    (take_char(&p, ':') && !take_thread(s, &p, &vcpu))) {
			say_error(s, EINVAL);
			return;
		}
		for (uint32_t n = 0; n < s->t->nr_vcpus; n++) {
			if (named[n] || (vcpu != ALL_THREADS && vcpu != n))
				continue;
			/* one that was never started has nothing to step */
			named[n] = true;
			s->t->vcpus[n].action = action == ACTION_STEP && !target_context(s->t, n) ?
							ACTION_CONTINUE :
							action;
			s->t->vcpus[n].range_from = from;
			s->t->vcpus[n].range_to = to;
		}
	}
	if (*p)
		say_error(s, EINVAL);
	else
		start(s);
}

static void leave(struct stub *s)
{
	target_detach(s->t);
	s->over = true;
}

/* --- packets -------------------------------------------------------------- */

static void v_packet(struct stub *s, const char *p)
{
	if (strcmp(p, "Cont?") == 0) {
		reply_say(&s->r, "vCont;c;C;s;S;t;r");
	} else if (take_word(&p, "Cont")) {
		run_each(s, p);
	} else if (take_word(&p, "Kill;")) {
		leave(s);
		say_ok(s);
	}
}

/* The guest stands. */
static void answer(struct stub *s)
{
	const char *p = s->in.data;
	uint64_t vcpu;

	switch (*p++) {
	case '?': stub_stop_reply(s); break;
	case 'g': read_all(s); break;
	case 'G': write_all(s, p); break;
	case 'p':
	case 'P': one_register(s, p, p[-1] == 'P'); break;
	case 'm': read_memory(s, p); break;
	case 'M':
	case 'X': write_memory(s, p, p[-1] == 'X'); break;
	case 'Z':
	case 'z': breakpoint(s, p, p[-1] == 'Z'); break;
	case 'H': set_thread(s, p); break;
	case 'T':
		if (take_thread(s, &p, &vcpu) && vcpu != ALL_THREADS)
			say_ok(s);
		else
			say_error(s, ESRCH);
		break;
	case 'c':
	case 'C':
	case 's':
	case 'S': run_simply(s, (p[-1] | 0x20) == 's'); break;
	case 'v': v_packet(s, p); break;
	case 'D':
		leave(s);
		say_ok(s);
		break;
	case 'k': /* the guest is not killed: who wants that says torc destroy */ leave(s); return;
	default: query(s, s->in.data);
	}
	if (!s->t->running)
		send_reply(s);
}

static void interrupted(struct stub *s)
{
	if (!s->t->running)
		return;
	s->stop = target_interrupt(s->t, &s->stop_vcpu);
	stub_stop_reply(s);
	send_reply(s);
}

static void got_packet(struct stub *s)
{
	if (!s->no_ack)
		queue(s, "+", 1);
	if (strcmp(s->in.data, "QStartNoAckMode") == 0)
		s->no_ack = true;
	if (s->t->running) { /* there is one reply, and it is for when the guest stops */
		interrupted(s);
		return;
	}
	answer(s);
}

void stub_input(struct stub *s, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && !s->over; i++)
		switch (packet_take(&s->in, data[i])) {
		case PACKET_WHOLE: got_packet(s); break;
		case PACKET_DAMAGED: queue(s, "-", 1); break;
		case PACKET_INTERRUPT: interrupted(s); break;
		case PACKET_AGAIN:
			if (!s->no_ack)
				queue(s, s->last, s->last_len);
			break;
		default: break;
		}
}

void stub_poll(struct stub *s)
{
	enum stop stop = target_poll(s->t, &s->stop_vcpu);

	if (stop == STOP_NONE)
		return;
	s->stop = stop;
	stub_stop_reply(s);
	send_reply(s);
}

int stub_init(struct stub *s, struct target *t)
{
	*s = (struct stub){ .t = t, .running_as = NO_VCPU, .stop = STOP_INTERRUPT };
	s->last = malloc(2 * PACKET_MAX + 4);
	s->description = regs_describe(t);
	while (s->about < t->nr_vcpus && !target_context(t, s->about))
		s->about++;
	s->stop_vcpu = s->about;
	if (s->last && s->description)
		return 0;
	stub_free(s);
	return -ENOMEM;
}

void stub_free(struct stub *s)
{
	free(s->last);
	free(s->description);
	free(s->out);
	s->last = s->description = NULL;
	s->out = NULL;
}
