/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why something was refused. Each domain keeps its last refusals and its last words in a small ring
 * that 'torc why' reads; they outlive the crash that they explain, until the domain is gone.
 */
#include <torc/console.h>
#include <torc/heap.h>
#include <torc/why.h>
#include <torc/x86.h>

#define WHY_KEPT 16

struct why_log {
	spinlock_t lock;
	unsigned int written; /* in all; the ring's next is this modulo WHY_KEPT */
	struct why_entry ring[WHY_KEPT];
	struct why_entry last_words; /* when 0: none */
};

int why_init(struct domain *d)
{
	struct why_log *w = zalloc(sizeof(*w));

	if (!w)
		return -XEN_ENOMEM;
	spin_init(&w->lock, RANK_SMALL);
	d->why = w;
	return 0;
}

void why_free(struct domain *d)
{
	zfree(d->why);
	d->why = NULL;
}

/* Which hypercall is being done, where that is known. */
static uint16_t hypercall_number(const struct vcpu *v)
{
	if (v != current || v->in_multicall || guest_regs()->rax > 0xff)
		return 0xffff;
	return (uint16_t)guest_regs()->rax;
}

/* The same again is kept once, with its last time: a loop in a guest shall not push out what came
 * before. */
static void keep(struct why_log *w, const struct why_entry *e)
{
	struct why_entry *last = &w->ring[(w->written - 1) % WHY_KEPT];

	if (w->written && last->err == e->err && last->nr == e->nr && last->vcpu == e->vcpu &&
	    !strcmp(last->text, e->text))
		last->when = e->when;
	else
		w->ring[w->written++ % WHY_KEPT] = *e;
}

long refuse(struct vcpu *v, long err, const char *fmt, ...)
{
	struct why_entry e = { .when = clock_now(), .err = (int32_t)err, .vcpu = (uint16_t)v->id };
	struct why_log *w = v->domain->why;
	va_list ap;

	va_start(ap, fmt);
	vformat(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	e.nr = hypercall_number(v);
	log_guest(v->domain->id, LOG_DEBUG, "v%u: %s (%ld)", v->id, e.text, err);
	if (w) {
		spin_lock(&w->lock);
		keep(w, &e);
		spin_unlock(&w->lock);
	}
	return err;
}

void why_last_words(struct domain *d, const char *fmt, ...)
{
	struct why_entry e = { .when = clock_now(), .nr = 0xffff };
	va_list ap;

	va_start(ap, fmt);
	vformat(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	if (!e.when)
		e.when = 1;
	if (!d->why)
		return;
	spin_lock(&d->why->lock);
	if (!d->why->last_words.when) /* the first cause; what follows is its consequence */
		d->why->last_words = e;
	spin_unlock(&d->why->lock);
}

unsigned int why_read(struct domain *d, struct why_entry *out, unsigned int max)
{
	struct why_log *w = d->why;
	unsigned int kept, n = 0;

	if (!w)
		return 0;
	spin_lock(&w->lock);
	kept = MIN(w->written, (unsigned int)WHY_KEPT);
	for (unsigned int i = w->written - kept; i != w->written && n < max; i++)
		out[n++] = w->ring[i % WHY_KEPT];
	if (w->last_words.when && n < max)
		out[n++] = w->last_words;
	spin_unlock(&w->lock);
	return n;
}
