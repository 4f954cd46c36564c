/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of either width: see internal.h. The layouts below are those that a 32-bit compiler
 * gives the public structures. */
#include "internal.h"

#pragma pack(push, 4)
struct poll32 {
	uint32_t ports, nr_ports;
	uint64_t timeout;
};
struct callback32 {
	uint16_t type, flags;
	uint32_t cs, eip;
};
struct multicall32 {
	uint32_t op, result, args[6];
};
struct runstate32 {
	int32_t state;
	uint64_t entry_time, time[4];
};
struct copy32 {
	struct {
		uint32_t ref_or_gmfn;
		uint16_t domid, offset;
	} source, dest;
	uint16_t len, flags;
	int16_t status;
};
struct transfer32 {
	uint32_t mfn;
	uint16_t domid;
	uint32_t ref;
	int16_t status;
};
struct setup32 {
	uint16_t dom;
	uint32_t nr_frames;
	int16_t status;
	uint32_t frame_list;
};
#pragma pack(pop)

_Static_assert(sizeof(struct poll32) == 16 && sizeof(struct callback32) == 12 &&
		       sizeof(struct multicall32) == 32 && sizeof(struct runstate32) == 44 &&
		       sizeof(struct copy32) == 24 && sizeof(struct setup32) == 16 &&
		       sizeof(struct transfer32) == 16,
	       "32-bit layouts");

static bool narrow(const struct vcpu *v)
{
	return v->domain->is_32bit;
}

static gaddr_t at(gaddr_t a, unsigned long off)
{
	return GADDR(a.n + off);
}

int read_sched_poll(struct vcpu *v, gaddr_t a, struct sched_poll *out, gaddr_t *ports)
{
	struct poll32 p;

	if (!narrow(v)) {
		if (guest_get(out, a))
			return -XEN_EFAULT;
		*ports = GADDR(out->ports.p);
		return 0;
	}
	if (guest_get(&p, a))
		return -XEN_EFAULT;
	out->nr_ports = p.nr_ports;
	out->timeout = p.timeout;
	*ports = GADDR(p.ports);
	return 0;
}

int read_callback(struct vcpu *v, gaddr_t a, struct callback_register *out, unsigned long *cs)
{
	struct callback32 c;

	*cs = 0;
	if (!narrow(v))
		return guest_get(out, a);
	if (guest_get(&c, a))
		return -XEN_EFAULT;
	out->type = c.type;
	out->flags = c.flags;
	out->address = c.eip;
	*cs = c.cs;
	return 0;
}

unsigned int sizeof_trap_info(const struct vcpu *v)
{
	return narrow(v) ? sizeof(struct trap_info_x86_32) : sizeof(struct trap_info);
}

int read_trap_info(struct vcpu *v, gaddr_t a, struct trap_info *out)
{
	struct trap_info_x86_32 t;

	if (!narrow(v))
		return guest_get(out, a);
	if (guest_get(&t, a))
		return -XEN_EFAULT;
	*out = (struct trap_info){
		.vector = t.vector, .flags = t.flags, .cs = t.cs, .address = t.address
	};
	return 0;
}

unsigned int sizeof_multicall(const struct vcpu *v)
{
	return narrow(v) ? sizeof(struct multicall32) : sizeof(struct multicall_entry);
}

int read_multicall(struct vcpu *v, gaddr_t a, struct multicall_entry *out)
{
	struct multicall32 m;
	unsigned int i;

	if (!narrow(v))
		return guest_get(out, a);
	if (guest_get(&m, a))
		return -XEN_EFAULT;
	out->op = m.op;
#pragma GCC unroll 6
	for (i = 0; i < ARRAY_SIZE(m.args); i++)
		out->args[i] = m.args[i];
	return 0;
}

static int write_long(struct vcpu *v, gaddr_t a, unsigned long value)
{
	return guest_write(a, &value, narrow(v) ? 4 : 8);
}

int write_multicall_result(struct vcpu *v, gaddr_t a, unsigned long result)
{
	return write_long(v,
			  at(a, narrow(v) ? offsetof(struct multicall32, result) :
					    offsetof(struct multicall_entry, result)),
			  result);
}

int write_multicall_arg(struct vcpu *v, gaddr_t a, unsigned int n, unsigned long value)
{
	return write_long(v,
			  at(a, narrow(v) ? offsetof(struct multicall32, args) + n * 4 :
					    offsetof(struct multicall_entry, args) + n * 8),
			  value);
}

int write_runstate(struct vcpu *v, gaddr_t a, const struct vcpu_runstate_info *r)
{
	struct runstate32 n = { .state = r->state, .entry_time = r->state_entry_time };

	if (!narrow(v))
		return guest_put(a, r);
	memcpy(n.time, r->time, sizeof(n.time));
	return guest_put(a, &n);
}

unsigned int sizeof_gnttab_copy(const struct vcpu *v)
{
	return narrow(v) ? sizeof(struct copy32) : sizeof(struct gnttab_copy);
}

int read_gnttab_copy(struct vcpu *v, gaddr_t a, struct gnttab_copy *out)
{
	struct copy32 c;

	if (!narrow(v))
		return guest_get(out, a);
	if (guest_get(&c, a))
		return -XEN_EFAULT;
	out->source.u.gmfn = c.source.ref_or_gmfn;
	out->source.domid = c.source.domid;
	out->source.offset = c.source.offset;
	out->dest.u.gmfn = c.dest.ref_or_gmfn;
	out->dest.domid = c.dest.domid;
	out->dest.offset = c.dest.offset;
	out->len = c.len;
	out->flags = c.flags;
	return 0;
}

int write_gnttab_copy_status(struct vcpu *v, gaddr_t a, int16_t status)
{
	return guest_put(at(a, narrow(v) ? offsetof(struct copy32, status) :
					   offsetof(struct gnttab_copy, status)),
			 &status);
}

unsigned int sizeof_gnttab_transfer(const struct vcpu *v)
{
	return narrow(v) ? sizeof(struct transfer32) : sizeof(struct gnttab_transfer);
}

int write_gnttab_transfer_status(struct vcpu *v, gaddr_t a, int16_t status)
{
	return guest_put(at(a, narrow(v) ? offsetof(struct transfer32, status) :
					   offsetof(struct gnttab_transfer, status)),
			 &status);
}

int read_gnttab_setup(struct vcpu *v, gaddr_t a, struct gnttab_setup_table *out, gaddr_t *list)
{
	struct setup32 s;

	if (!narrow(v)) {
		if (guest_get(out, a))
			return -XEN_EFAULT;
		*list = GADDR(out->frame_list.p);
		return 0;
	}
	if (guest_get(&s, a))
		return -XEN_EFAULT;
	out->dom = s.dom;
	out->nr_frames = s.nr_frames;
	*list = GADDR(s.frame_list);
	return 0;
}

int write_gnttab_setup_status(struct vcpu *v, gaddr_t a, int16_t status)
{
	return guest_put(at(a, narrow(v) ? offsetof(struct setup32, status) :
					   offsetof(struct gnttab_setup_table, status)),
			 &status);
}

int write_pfn(struct vcpu *v, gaddr_t list, unsigned int n, mfn_t m)
{
	return write_long(v, at(list, n * (narrow(v) ? 4ul : 8ul)), m.n);
}

int read_pointer(struct vcpu *v, gaddr_t a, unsigned long *out)
{
	*out = 0;
	return guest_read(out, a, narrow(v) ? 4 : 8);
}
