/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels, the two-level ABI: a bit a port in shared_info, a bit a word of those in
 * vcpu_info, a flag on top.
 *
 * Channels come in buckets that are allocated as ports are first used and live as long as their
 * domain. A channel's state changes under its own lock; ports are given out and closed under the
 * domain's table lock, taken before. The two ends of an interdomain channel change together, under
 * both channels' locks: a peer's is only ever tried, and all is let go if it is taken, so that two
 * domains that close on each other do not wait for each other.
 *
 * Raising a port takes no lock (interrupt handlers do it): it reads the port's vcpu, which always
 * names an existing one, and sets bits. A late one hits a port that was closed meanwhile: the guest
 * sees an event that means nothing, which it must expect.
 *
 * FIFO event channels (init_control, expand_array, set_priority) are not offered: -XEN_ENOSYS makes
 * a guest stay with this ABI, whose 4096 ports suffice for what is offered otherwise. They come
 * when density asks for them.
 */
#include <torc/evtchn.h>
#include <torc/heap.h>
#include <torc/io.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/shared.h>
#include <torc/why.h>
#include <torc/x86.h>

#define BUCKET	    64
#define MAX_PORTS   4096
#define PORTS_32BIT 1024

enum channel_state {
	CHANNEL_FREE,
	CHANNEL_RESERVED,
	CHANNEL_UNBOUND,
	CHANNEL_INTERDOMAIN,
	CHANNEL_PIRQ,
	CHANNEL_VIRQ,
	CHANNEL_IPI
};

struct channel {
	spinlock_t lock;
	uint8_t state;
	bool serves;   /* INTERDOMAIN: bound to the other's port */
	uint8_t brief; /* the scheduler's: what comes of its events */
	uint16_t vcpu; /* whom to notify */
	union {
		domid_t remote; /* UNBOUND: who may bind */
		evtchn_port_t peer_port;
		uint32_t pirq, virq;
	};
	struct domain *peer; /* INTERDOMAIN; cannot go while this end is bound to it */
};

struct evtchn_table {
	spinlock_t lock;
	unsigned int limit; /* ports from 1 up to below this */
	unsigned int hint;  /* no free port below */
	struct channel *bucket[MAX_PORTS / BUCKET];
};

/* Who gets the global virqs; NULL: the control domain. With a reference. */
static spinlock_t virq_lock = SPINLOCK(RANK_SMALL);
static struct domain *virq_handler[NR_VIRQS];

static bool virq_is_global(unsigned int virq)
{
	switch (virq) {
	case VIRQ_TIMER:
	case VIRQ_DEBUG:
	case VIRQ_XENOPROF:
	case VIRQ_XENPMU: return false;
	default: return true;
	}
}

static unsigned int port_limit(const struct domain *d)
{
	return d->is_32bit ? MIN(d->evtchn->limit, (unsigned int)PORTS_32BIT) : d->evtchn->limit;
}

bool evtchn_port_ok(const struct domain *d, evtchn_port_t port)
{
	return port < port_limit(d);
}

static struct channel *channel_known(const struct domain *d, evtchn_port_t port)
{
	struct channel *b = atomic_read(&d->evtchn->bucket[port / BUCKET]);

	return b ? &b[port % BUCKET] : NULL;
}

/* NULL past the end or never used; never freed before the domain. */
static struct channel *channel_at(const struct domain *d, evtchn_port_t port)
{
	return port < port_limit(d) ? channel_known(d, index_nospec(port, MAX_PORTS)) : NULL;
}

/* --- raising -------------------------------------------------------------- */

static void upcall(struct vcpu *v)
{
	if (!atomic_swap(vcpu_upcall_pending(v), 1)) /* else whoever set it sees to it */
		pv_vcpu_kick(v);
}

static void wake_pollers(struct domain *d, evtchn_port_t port)
{
	struct vcpu *v;
	unsigned int i;

	for (i = 0; i < d->max_vcpus; i++) {
		v = d->vcpus[i];
		if (v && atomic_read(&v->polling) && (v->poll_port == 0 || v->poll_port == port))
			vcpu_unblock(v);
	}
}

/* Pending bit, selector, flag: the guest reads them in the other order. Whoever sets a bit first
 * tells. */
static void port_raise(struct domain *d, const struct channel *ch, evtchn_port_t port)
{
	struct vcpu *v = d->vcpus[READ_ONCE(ch->vcpu)];

	if (bit_test_and_set(port, shared_pending(d)) || unlikely(!v))
		return; /* without a vcpu yet: it will look at all when it starts */
	if (!bit_test(port, shared_mask(d)) &&
	    !bit_test_and_set(port / shared_word_bits(d), vcpu_pending_sel(v)))
		upcall(v);
	if (unlikely(atomic_read(&d->nr_polling))) /* the barrier is the pending bit's */
		wake_pollers(d, port);
}

int evtchn_send(struct vcpu *v, evtchn_port_t port)
{
	struct domain *d = v->domain;
	struct channel *ch = channel_at(d, port), *peer;
	struct vcpu *to;
	bool waits;
	int rc = 0;

	if (!ch)
		return refuse(v, -XEN_EINVAL, "send: no port %u", port);
	spin_lock(&ch->lock); /* a close takes it too, so the peer stays while we hold it */
	switch (ch->state) {
	case CHANNEL_INTERDOMAIN:
		peer = channel_known(ch->peer, ch->peer_port);
		to = ch->peer->vcpus[READ_ONCE(peer->vcpu)];
		if (to) {
			WRITE_ONCE(to->told_on, &peer->brief);
			WRITE_ONCE(to->told, ch->serves ? TOLD_ANSWER : TOLD_REQUEST);
		}
		waits = to && ch->serves && !READ_ONCE(to->running) && !READ_ONCE(to->blocked);
		port_raise(ch->peer, peer, ch->peer_port);
		if (waits)
			sched_answered(to);
		if (to)
			WRITE_ONCE(to->told, TOLD_EVENT);
		break;
	case CHANNEL_IPI: port_raise(d, ch, port); break;
	case CHANNEL_UNBOUND: /* a peer yet to come is no error */ break;
	default: rc = -XEN_EINVAL;
	}
	spin_unlock(&ch->lock);
	if (rc)
		refuse(v, rc, "send: port %u is not one to send on", port);
	return rc;
}

static void virq_raise(struct domain *d, struct vcpu *v, unsigned int virq)
{
	evtchn_port_t port = READ_ONCE(v->virq_port[virq]);
	struct channel *ch = port ? channel_at(d, port) : NULL;

	if (ch)
		port_raise(d, ch, port);
}

void evtchn_virq(struct vcpu *v, unsigned int virq)
{
	ASSERT(virq < NR_VIRQS);
	virq_raise(v->domain, v, virq);
}

void evtchn_virq_global(unsigned int virq)
{
	struct domain *d, *held;
	unsigned long flags;

	ASSERT(virq < NR_VIRQS);
	flags = spin_lock_irq(&virq_lock);
	held = virq_handler[virq];
	if (held && !domain_get_more(held))
		held = NULL;
	spin_unlock_irq(&virq_lock, flags);
	d = held ? held : dom0;
	/* The handler may be dying on another CPU: with interrupts off it waits for us before what
	 * is raised there goes (pv_domain_kill()), or has closed its ports. */
	flags = irq_save();
	if (d && d->evtchn && d->vcpus && d->vcpus[0])
		virq_raise(d, d->vcpus[0], virq);
	irq_restore(flags);
	if (held)
		domain_put(&held);
}

void evtchn_pirq(struct domain *d, evtchn_port_t port)
{
	struct channel *ch = channel_at(d, port);

	if (ch)
		port_raise(d, ch, port);
}

int evtchn_set_virq_handler(struct domain *d, unsigned int virq)
{
	struct domain *old;
	unsigned long flags;

	if (virq >= NR_VIRQS || !virq_is_global(virq))
		return -XEN_EINVAL;
	if (d == dom0)
		d = NULL;
	else if (d->state != DOM_ALIVE || !domain_get_more(d))
		return -XEN_EINVAL;
	flags = spin_lock_irq(&virq_lock);
	old = virq_handler[virq];
	virq_handler[virq] = d;
	spin_unlock_irq(&virq_lock, flags);
	if (old)
		domain_put(&old);
	return 0;
}

static void virq_handler_drop(struct domain *d)
{
	unsigned int i, n = 0;
	unsigned long flags = spin_lock_irq(&virq_lock);
	struct domain *p;

	for (i = 0; i < NR_VIRQS; i++)
		if (virq_handler[i] == d) {
			virq_handler[i] = NULL;
			n++;
		}
	spin_unlock_irq(&virq_lock, flags);
	while (n--) {
		p = d;
		domain_put(&p);
	}
}

bool evtchn_is_pending(struct domain *d, evtchn_port_t port)
{
	return bit_test(index_nospec(port, MAX_PORTS), shared_pending(d));
}

int evtchn_unmask(struct domain *d, evtchn_port_t port)
{
	struct channel *ch = channel_at(d, port);
	struct vcpu *v;

	if (!ch)
		return -XEN_EINVAL;
	port = index_nospec(port, MAX_PORTS);
	v = d->vcpus[READ_ONCE(ch->vcpu)];
	if (bit_test_and_clear(port, shared_mask(d)) && v && bit_test(port, shared_pending(d)) &&
	    !bit_test_and_set(port / shared_word_bits(d), vcpu_pending_sel(v)))
		upcall(v);
	return 0;
}

/* Events may have gone to the old place until now: let the guest look at everything. */
void evtchn_vcpu_info_moved(struct vcpu *v)
{
	mb();
	if (v->domain->is_32bit)
		atomic_set(&info32(v)->evtchn_pending_sel, ~0u);
	else
		atomic_set(&v->info->evtchn_pending_sel, ~0ul);
	upcall(v);
}

/* --- ports ---------------------------------------------------------------- */

/* The table lock is held. A port in state RESERVED, to be given its state or freed before the lock
 * is let go, or -errno. */
static int port_alloc(struct domain *d, struct channel **out)
{
	struct evtchn_table *t = d->evtchn;
	unsigned int port, i, limit = port_limit(d);
	struct channel *ch;

	ASSERT(spin_is_held(&t->lock));
	if (d->state != DOM_BUILDING && d->state != DOM_ALIVE)
		return -XEN_EINVAL;
	for (port = MAX(t->hint, 1u); port < limit; port++) {
		ch = channel_at(d, port);
		if (!ch) {
			ch = zalloc(BUCKET * sizeof(*ch));
			if (!ch)
				return -XEN_ENOMEM;
			for (i = 0; i < BUCKET; i++)
				spin_init(&ch[i].lock, RANK_CHANNEL);
			atomic_set(&t->bucket[port / BUCKET], ch);
			ch = channel_at(d, port);
		}
		if (ch->state != CHANNEL_FREE)
			continue;
		ch->state = CHANNEL_RESERVED;
		ch->vcpu = 0;
		t->hint = port + 1;
		*out = ch;
		return (int)port;
	}
	t->hint = port;
	return -XEN_ENOSPC;
}

static void port_free(struct domain *d, struct channel *ch, evtchn_port_t port)
{
	ASSERT(spin_is_held(&d->evtchn->lock));
	ch->state = CHANNEL_FREE;
	ch->peer = NULL;
	ch->vcpu = 0;
	bit_test_and_clear(port, shared_pending(d)); /* who gets the port next starts clean */
	if (port < d->evtchn->hint)
		d->evtchn->hint = port;
}

static void set_state(struct channel *ch, enum channel_state s)
{
	spin_lock(&ch->lock);
	ch->state = s;
	spin_unlock(&ch->lock);
}

int evtchn_alloc_unbound(struct domain *d, struct domain *remote_of, domid_t remote,
			 evtchn_port_t *port)
{
	struct channel *ch;
	int rc;

	if (remote == DOMID_SELF)
		remote = remote_of->id;
	spin_lock(&d->evtchn->lock);
	rc = port_alloc(d, &ch);
	if (rc >= 0) {
		ch->remote = remote;
		set_state(ch, CHANNEL_UNBOUND);
		*port = rc;
		rc = 0;
	}
	spin_unlock(&d->evtchn->lock);
	return rc;
}

int evtchn_bind_interdomain(struct domain *d, struct domain *rd, evtchn_port_t rport,
			    evtchn_port_t *port)
{
	struct channel *ch, *rch = channel_at(rd, rport);
	int rc, lport;

	if (!rch)
		return -XEN_EINVAL;
	spin_lock(&d->evtchn->lock);
	lport = port_alloc(d, &ch);
	if (lport < 0) {
		spin_unlock(&d->evtchn->lock);
		return lport;
	}
	if (rch == ch) { /* the caller guessed the port that it would get: both locks are one */
		port_free(d, ch, lport);
		spin_unlock(&d->evtchn->lock);
		return -XEN_EINVAL;
	}
	for (;;) { /* nobody else knows ch; rch may be anybody's partner right now */
		spin_lock(&ch->lock);
		if (spin_trylock(&rch->lock))
			break;
		spin_unlock(&ch->lock);
		cpu_relax();
	}
	if (rch->state != CHANNEL_UNBOUND || rch->remote != d->id) {
		rc = -XEN_EINVAL;
		port_free(d, ch, lport);
	} else {
		ch->peer = rd;
		ch->peer_port = rport;
		rch->peer = d;
		rch->peer_port = lport;
		ch->serves = true;
		ch->brief = rch->brief = 0;
		rch->serves = false;
		ch->state = rch->state = CHANNEL_INTERDOMAIN;
		*port = lport;
		rc = 0;
		port_raise(d, ch, lport); /* the peer may have sent before we were there */
	}
	spin_unlock(&rch->lock);
	spin_unlock(&ch->lock);
	spin_unlock(&d->evtchn->lock);
	return rc;
}

static struct vcpu *vcpu_of(struct domain *d, unsigned int id)
{
	if (id >= d->max_vcpus)
		return NULL;
	return d->vcpus[index_nospec(id, d->max_vcpus)];
}

int evtchn_bind_virq(struct domain *d, unsigned int virq, unsigned int vcpu, evtchn_port_t *port)
{
	struct vcpu *v = vcpu_of(d, vcpu);
	struct channel *ch;
	int rc;

	if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
		return -XEN_EINVAL;
	if (!v)
		return -XEN_ENOENT;
	virq = index_nospec(virq, NR_VIRQS);
	spin_lock(&d->evtchn->lock);
	if (v->virq_port[virq]) {
		rc = -XEN_EEXIST;
	} else {
		rc = port_alloc(d, &ch);
		if (rc >= 0) {
			ch->virq = virq;
			ch->vcpu = vcpu;
			set_state(ch, CHANNEL_VIRQ);
			*port = rc;
			atomic_set(&v->virq_port[virq], (uint16_t)rc);
			rc = 0;
		}
	}
	spin_unlock(&d->evtchn->lock);
	return rc;
}

int evtchn_bind_ipi(struct domain *d, unsigned int vcpu, evtchn_port_t *port)
{
	struct channel *ch;
	int rc;

	if (!vcpu_of(d, vcpu))
		return -XEN_ENOENT;
	spin_lock(&d->evtchn->lock);
	rc = port_alloc(d, &ch);
	if (rc >= 0) {
		ch->vcpu = vcpu;
		set_state(ch, CHANNEL_IPI);
		*port = rc;
		rc = 0;
	}
	spin_unlock(&d->evtchn->lock);
	return rc;
}

int evtchn_bind_pirq(struct vcpu *v, unsigned int pirq, uint32_t flags, evtchn_port_t *port)
{
	struct domain *d = v->domain;
	struct channel *ch;
	int rc, p;

	if (flags & ~BIND_PIRQ__WILL_SHARE || pirq >= NR_PIRQS)
		return -XEN_EINVAL;
	if (!d->privileged && !io_irq_allowed(d, pirq))
		return -XEN_EPERM;
	spin_lock(&d->evtchn->lock);
	p = port_alloc(d, &ch);
	rc = p;
	if (p >= 0) {
		ch->pirq = pirq;
		set_state(ch, CHANNEL_PIRQ);
		/* -XEN_EEXIST if it has a port */
		rc = pirq_bind(v, (int)pirq, flags & BIND_PIRQ__WILL_SHARE, p);
		if (rc)
			port_free(d, ch, p);
		else
			*port = p;
	}
	spin_unlock(&d->evtchn->lock);
	return rc;
}

int evtchn_bind_vcpu(struct domain *d, evtchn_port_t port, unsigned int vcpu)
{
	struct channel *ch = channel_at(d, port);
	struct vcpu *v = vcpu_of(d, vcpu);
	int rc = 0;

	if (!v)
		return -XEN_ENOENT;
	if (!ch)
		return -XEN_EINVAL;
	spin_lock(&d->evtchn->lock);
	spin_lock(&ch->lock);
	switch (ch->state) {
	case CHANNEL_VIRQ:
		if (virq_is_global(ch->virq))
			ch->vcpu = vcpu;
		else
			rc = -XEN_EINVAL;
		break;
	case CHANNEL_UNBOUND:
	case CHANNEL_INTERDOMAIN: ch->vcpu = vcpu; break;
	case CHANNEL_PIRQ:
		ch->vcpu = vcpu;
		pirq_move(d, (int)ch->pirq, v->cpu);
		break;
	default: rc = -XEN_EINVAL;
	}
	spin_unlock(&ch->lock);
	spin_unlock(&d->evtchn->lock);
	return rc;
}

int evtchn_close(struct domain *d, evtchn_port_t port)
{
	struct channel *ch, *peer;
	struct vcpu *v;
	unsigned int i;
	int rc = 0;

	if (port >= d->evtchn->limit)
		return -XEN_EINVAL;
	ch = channel_known(d, index_nospec(port, MAX_PORTS));
	if (!ch)
		return -XEN_EINVAL;
	spin_lock(&d->evtchn->lock);
again:
	spin_lock(&ch->lock);
	switch (ch->state) {
	case CHANNEL_FREE:
	case CHANNEL_RESERVED: rc = -XEN_EINVAL; break;
	case CHANNEL_INTERDOMAIN:
		peer = channel_known(ch->peer, ch->peer_port);
		if (!spin_trylock(&peer->lock)) {
			spin_unlock(&ch->lock);
			cpu_relax();
			goto again;
		}
		ASSERT(peer->state == CHANNEL_INTERDOMAIN && peer->peer == d &&
		       peer->peer_port == port);
		peer->state = CHANNEL_UNBOUND; /* awaits the next of this domain */
		peer->peer = NULL;
		peer->remote = d->id;
		spin_unlock(&peer->lock);
		break;
	case CHANNEL_PIRQ: pirq_unbind(d, (int)ch->pirq); break;
	case CHANNEL_VIRQ:
		for (i = 0; i < d->max_vcpus; i++) {
			v = d->vcpus[i];
			if (v && v->virq_port[ch->virq] == port)
				atomic_set(&v->virq_port[ch->virq], 0);
		}
		break;
	default: break;
	}
	if (!rc)
		port_free(d, ch, port);
	spin_unlock(&ch->lock);
	spin_unlock(&d->evtchn->lock);
	return rc;
}

int evtchn_get_status(struct domain *d, struct evtchn_status *s)
{
	struct channel *ch = channel_at(d, s->port);

	if (!evtchn_port_ok(d, s->port))
		return -XEN_EINVAL;
	s->status = EVTCHNSTAT_closed;
	s->vcpu = 0;
	memset(&s->u, 0, sizeof(s->u));
	if (!ch)
		return 0;
	spin_lock(&ch->lock);
	s->vcpu = ch->vcpu;
	switch (ch->state) {
	case CHANNEL_UNBOUND:
		s->status = EVTCHNSTAT_unbound;
		s->u.unbound.dom = ch->remote;
		break;
	case CHANNEL_INTERDOMAIN:
		s->status = EVTCHNSTAT_interdomain;
		s->u.interdomain.dom = ch->peer->id;
		s->u.interdomain.port = ch->peer_port;
		break;
	case CHANNEL_PIRQ:
		s->status = EVTCHNSTAT_pirq;
		s->u.pirq = ch->pirq;
		break;
	case CHANNEL_VIRQ:
		s->status = EVTCHNSTAT_virq;
		s->u.virq = ch->virq;
		break;
	case CHANNEL_IPI: s->status = EVTCHNSTAT_ipi; break;
	default: s->vcpu = 0;
	}
	spin_unlock(&ch->lock);
	return 0;
}

/* --- life ----------------------------------------------------------------- */

int evtchn_init(struct domain *d, unsigned int max_port)
{
	struct evtchn_table *t = zalloc(sizeof(*t));

	if (!t)
		return -XEN_ENOMEM;
	spin_init(&t->lock, RANK_EVTCHN);
	t->limit = max_port < MAX_PORTS - 1 ? max_port + 1 : MAX_PORTS;
	t->hint = 1; /* port 0 is never given out */
	d->evtchn = t;
	return 0;
}

void evtchn_close_all(struct domain *d)
{
	evtchn_port_t port;

	/* A port that is being given out has its bucket and state once that is done; the dying get
	 * no more after it. */
	spin_lock(&d->evtchn->lock);
	spin_unlock(&d->evtchn->lock);
	for (port = 1; port < d->evtchn->limit; port++)
		if (channel_known(d, port))
			evtchn_close(d, port);
		else
			port |= BUCKET - 1;
	if (d->state == DOM_DYING || d->state == DOM_DEAD)
		virq_handler_drop(d);
}

void evtchn_free(struct domain *d)
{
	unsigned int i;

	if (!d->evtchn)
		return;
	for (i = 0; i < ARRAY_SIZE(d->evtchn->bucket); i++)
		zfree(d->evtchn->bucket[i]);
	zfree(d->evtchn);
	d->evtchn = NULL;
}
