/* SPDX-License-Identifier: BSD-2-Clause */
/* hypercall/domctl.c: what the control domain's CPUs ask of one domain at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <torc/control.h>

static struct domain control = { .privileged = true }, guest = { .id = 1 }, other = { .id = 2 };
static struct vcpu a = { .domain = &control }, b = { .domain = &control, .id = 1 };
static unsigned int runs;
static void (*meanwhile)(void); /* on another CPU, while an operation is under way */

int guest_read(void *dst, gaddr_t src, size_t n)
{
	memcpy(dst, (void *)src.n, n);
	return 0;
}
int guest_write(gaddr_t dst, const void *src, size_t n)
{
	memcpy((void *)dst.n, src, n);
	return 0;
}
long refuse(struct vcpu *v, long err, const char *fmt, ...)
{
	(void)v, (void)fmt;
	return err;
}
long hypercall_restart(struct vcpu *v, unsigned int n, unsigned long value)
{
	(void)v, (void)n, (void)value;
	return -XEN_ERESTART;
}
struct domain *domain_get_for(struct vcpu *v, domid_t id)
{
	struct domain *d = id == 0 ? &control : id == 1 ? &guest : id == 2 ? &other : NULL;

	(void)v;
	if (d)
		d->refs++;
	return d;
}
void domain_put(struct domain **d)
{
	(*d)->refs--;
	*d = NULL;
}
struct domain *domain_from(unsigned int id)
{
	return domain_get_for(&a, (domid_t)id);
}
void domain_info_fill(struct domain *d, struct xen_domctl_getdomaininfo *out)
{
	(void)d, (void)out;
	runs++;
}
long domctl_create(struct vcpu *v, struct xen_domctl *op)
{
	(void)v, (void)op;
	return 0;
}

static long operation(bool *back)
{
	void (*then)(void) = meanwhile;

	runs++;
	*back = false;
	meanwhile = NULL;
	if (then)
		then();
	return 0;
}
#define FAKE(name)                          \
	DOMCTL(domctl_##name)               \
	{                                   \
		(void)v, (void)d, (void)op; \
		return operation(back);     \
	}
FAKE(destroy)
FAKE(pause)
FAKE(unpause)
FAKE(resume)
FAKE(max_mem)
FAKE(max_vcpus)
FAKE(set_handle)
FAKE(set_debugging)
FAKE(set_address_size)
FAKE(get_address_size)
FAKE(set_time_offset)
FAKE(get_tsc)
FAKE(set_tsc)
FAKE(set_virq_handler)
FAKE(hypercall_init)
FAKE(get_node_affinity)
FAKE(set_node_affinity)
FAKE(get_mempool)
FAKE(set_mempool)
FAKE(set_context)
FAKE(get_context)
FAKE(vcpu_info)
FAKE(set_affinity)
FAKE(get_affinity)
FAKE(scheduler)
FAKE(send_trigger)
FAKE(get_ext_context)
FAKE(set_ext_context)
FAKE(get_ext_state)
FAKE(set_ext_state)
FAKE(get_msrs)
FAKE(set_msrs)
FAKE(page_info)
FAKE(shadow)
FAKE(irq_permission)
FAKE(iomem_permission)
FAKE(ioport_permission)
FAKE(get_policy)
FAKE(set_policy)
FAKE(debug_hold)
FAKE(debug_release)
FAKE(debug_status)

static long ask(struct vcpu *v, uint32_t cmd, domid_t id)
{
	struct xen_domctl op = { .cmd = cmd,
				 .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
				 .domain = id };

	return hc_domctl(v, (unsigned long)&op, 0, 0, 0, 0);
}

static int setup(void **s)
{
	(void)s;
	runs = 0;
	meanwhile = NULL;
	return 0;
}

static void destroyed_too(void)
{
	assert_int_equal(ask(&b, XEN_DOMCTL_destroydomain, 1), -XEN_ERESTART);
	assert_int_equal(ask(&b, XEN_DOMCTL_setvcpucontext, 1), -XEN_ERESTART);
	assert_int_equal(ask(&b, XEN_DOMCTL_gdbsx_domstatus, 1), -XEN_ERESTART);
	assert_int_equal(runs, 1);
	/* what only looks is not kept waiting, nor is what other domains are asked */
	assert_int_equal(ask(&b, XEN_DOMCTL_getdomaininfo, 1), 0);
	assert_int_equal(ask(&b, XEN_DOMCTL_destroydomain, 2), 0);
	assert_int_equal(runs, 3);
}

/* The second would take the domain apart while the first still waits for its vcpus to stop. */
static void one_at_a_time(void **s)
{
	(void)s;
	meanwhile = destroyed_too;
	assert_int_equal(ask(&a, XEN_DOMCTL_destroydomain, 1), 0);
	assert_int_equal(runs, 3);
	assert_int_equal(ask(&b, XEN_DOMCTL_destroydomain, 1), 0);
	assert_int_equal(runs, 4);
	assert_int_equal(guest.refs, 0);
	assert_int_equal(other.refs, 0);
}

static void looks_back(void)
{
	assert_int_equal(ask(&b, XEN_DOMCTL_getvcpucontext, 0), -XEN_ERESTART);
}

/* Each would wait for the other to leave its CPU. The second leaves it, since it is sent back. */
static void two_that_look_at_each_other(void **s)
{
	(void)s;
	meanwhile = looks_back;
	assert_int_equal(ask(&a, XEN_DOMCTL_getvcpucontext, 0), 0);
	assert_int_equal(ask(&b, XEN_DOMCTL_getvcpucontext, 0), 0);
	assert_int_equal(runs, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_at_a_time, setup),
		cmocka_unit_test_setup(two_that_look_at_each_other, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
