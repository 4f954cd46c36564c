/* SPDX-License-Identifier: BSD-2-Clause */
/* The remote protocol's packets that are a word: what the stub can do, the description of the
 * registers, the threads. */
#include "dom0-tools/gdb/gdb.h"

#include <string.h>

static void supported(struct stub *s, const char *p)
{
	s->swbreak = strstr(p, "swbreak+") != NULL;
	reply_say(&s->r,
		  "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+",
		  PACKET_MAX);
}

static void description(struct stub *s, const char *p)
{
	size_t all = strlen(s->description);
	uint64_t from, len;

	if (!take_hex(&p, &from) || !take_char(&p, ',') || !take_hex(&p, &len) || from > all) {
		reply_say(&s->r, "E16");
		return;
	}
	if (len > PACKET_MAX / 2) /* escaping may double it */
		len = PACKET_MAX / 2;
	if (len > all - from)
		len = all - from;
	reply_say(&s->r, "%c", from + len < all ? 'm' : 'l');
	reply_add(&s->r, s->description + from, len);
}

/* As many as there is room for, then the next ones. */
static void threads(struct stub *s)
{
	bool any = false;

	for (; s->thread_next < s->t->nr_vcpus && s->r.len < PACKET_MAX - 16; s->thread_next++)
		if (target_context(s->t, s->thread_next)) {
			reply_say(&s->r, "%c%x", any ? ',' : 'm', s->thread_next + 1);
			any = true;
		}
	if (!any)
		reply_say(&s->r, "l");
}

static void about_thread(struct stub *s, const char *p)
{
	const void *c = NULL;
	uint64_t n;
	char text[64];
	int len;

	if (take_hex(&p, &n) && n && n <= s->t->nr_vcpus)
		c = target_context(s->t, (uint32_t)n - 1);
	if (!c) {
		reply_say(&s->r, "E03");
		return;
	}
	len = snprintf(text, sizeof(text), "vCPU %u, %s", (unsigned int)n - 1,
		       regs_in_kernel(s->t, c) ? "kernel" : "user mode");
	reply_hex(&s->r, text, (size_t)len);
}

bool query(struct stub *s, const char *p)
{
	if (take_word(&p, "qSupported")) {
		supported(s, p);
	} else if (take_word(&p, "qXfer:features:read:target.xml:")) {
		description(s, p);
	} else if (strcmp(p, "QStartNoAckMode") == 0) {
		reply_say(&s->r, "OK");
	} else if (strcmp(p, "qfThreadInfo") == 0) {
		s->thread_next = 0;
		threads(s);
	} else if (strcmp(p, "qsThreadInfo") == 0) {
		threads(s);
	} else if (take_word(&p, "qThreadExtraInfo,")) {
		about_thread(s, p);
	} else if (strcmp(p, "qC") == 0) {
		reply_say(&s->r, "QC%x", s->about + 1);
	} else if (take_word(&p, "qAttached")) {
		reply_say(&s->r, "1");
	} else if (take_word(&p, "qSymbol:")) {
		reply_say(&s->r, "OK");
	} else {
		return false;
	}
	return true;
}
