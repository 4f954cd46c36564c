/* SPDX-License-Identifier: BSD-2-Clause */
/* pv/pirq.c: whose a physical interrupt is, and that the dead have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/heap.h>
#include <torc/io.h>
#include <torc/irq.h>
#include <torc/pv.h>

#define LINES 24

cpumask_t cpus_online = 3;
static struct domain d;
static struct vcpu v = { .domain = &d };
static unsigned int vectors, routed, raised, unmasked;
static void (*meanwhile)(void); /* while handlers on other CPUs come to their end */

void *zalloc(size_t n)
{
	return calloc(1, n);
}
void zfree(void *p)
{
	free(p);
}
static unsigned int locked;

void spin_lock(spinlock_t *l)
{
	assert_int_equal(l->owner, 0);
	l->owner = 1;
	locked++;
}
void spin_unlock(spinlock_t *l)
{
	assert_int_equal(l->owner, 1);
	l->owner = 0;
	locked--;
}
struct vcpu *current_vcpu(void)
{
	return &v;
}
void cpu_call(cpumask_t cpus, void (*fn)(void *), void *arg)
{
	void (*then)(void) = meanwhile;

	assert_int_equal(cpus, cpus_online);
	meanwhile = NULL;
	if (then)
		then();
	fn(arg);
}
bool io_irq_allowed(const struct domain *of, unsigned int nr)
{
	(void)of, (void)nr;
	return true;
}
void guest_frame_unmap(void *p, bool write)
{
	(void)p, (void)write;
}
void evtchn_pirq(struct domain *of, evtchn_port_t port)
{
	assert_ptr_equal(of, &d);
	assert_int_equal(port, 7);
	raised++;
}
void irq_eoi(struct irq *irq)
{
	(void)irq;
}
int irq_alloc_vector(struct irq *irq)
{
	irq->vector = (uint8_t)(0x30 + vectors++);
	return 0;
}
void irq_free_vector(struct irq *irq)
{
	if (irq->vector)
		vectors--;
	irq->vector = 0;
}

static void mask(struct irq *irq)
{
	irq->masked = true;
}
static void unmask(struct irq *irq)
{
	irq->masked = false;
	unmasked++;
}
static void set_cpu(struct irq *irq, unsigned int cpu)
{
	irq->cpu = cpu;
}
static const struct irq_chip chip = { mask, unmask, set_cpu };

unsigned int ioapic_nr_gsis(void)
{
	return LINES;
}
unsigned int isa_irq_to_gsi(unsigned int irq, bool *level, bool *active_low)
{
	*level = *active_low = false;
	return irq;
}
static struct irq *line;

int ioapic_route(struct irq *irq, unsigned int gsi, bool level, bool active_low)
{
	(void)gsi, (void)active_low;
	irq->chip = &chip;
	irq->level = level;
	irq->masked = true;
	line = irq;
	routed++;
	return 0;
}
void ioapic_unroute(struct irq *irq)
{
	irq->chip = NULL;
	routed--;
}
int msi_route(struct irq *irq, uint16_t seg, uint8_t bus, uint8_t devfn, bool msix,
	      unsigned int entry, uint64_t table_base)
{
	(void)seg, (void)bus, (void)devfn, (void)msix, (void)entry, (void)table_base;
	irq->chip = &chip;
	routed++;
	return 0;
}
void msi_unroute(struct irq *irq)
{
	irq->chip = NULL;
	routed--;
}
int msi_restore(uint16_t seg, uint8_t bus, uint8_t devfn)
{
	assert_int_equal(locked, 1); /* nobody takes the messages it goes through away */
	assert_int_equal(bus << 8 | devfn, 0x0318);
	return seg ? -XEN_ESRCH : 0;
}

static int map_line(int gsi)
{
	int nr = -1;

	return pirq_map_gsi(&d, gsi, &nr);
}
static int map_message(int *nr)
{
	struct msi_target t = { .bus = 1, .count = 1 };

	*nr = -1;
	return pirq_map_msi(&d, &t, nr);
}

static int setup(void **s)
{
	(void)s;
	vectors = routed = raised = unmasked = 0;
	meanwhile = NULL;
	return pirq_init(&d);
}
static int teardown(void **s)
{
	(void)s;
	pirq_free(&d);
	assert_int_equal(vectors, 0);
	assert_int_equal(routed, 0);
	return 0;
}

/* A line that is level-triggered is closed from its interrupt to the guest's word. */
static void line_waits_for_the_guest(void **s)
{
	(void)s;
	assert_int_equal(map_line(20), 0);
	assert_int_equal(pirq_bind(&v, 20, false, 7), 0);
	assert_int_equal(unmasked, 1);
	line->handler(line, line->arg);
	assert_int_equal(raised, 1);
	assert_true(line->masked);
	assert_int_equal(pirq_eoi(&d, 20), 0);
	assert_false(line->masked);
	assert_int_equal(pirq_eoi(&d, 20), 0); /* nothing waits any more */
	assert_int_equal(unmasked, 2);
	assert_int_equal(pirq_unmap(&d, 20), -XEN_EBUSY);
	pirq_unbind(&d, 20);
	assert_int_equal(pirq_unmap(&d, 20), 0);
	assert_int_equal(pirq_eoi(&d, 20), -XEN_EINVAL);
}

static void others_map(void)
{
	int nr;

	assert_int_equal(map_line(21), -XEN_ESRCH);
	assert_int_equal(map_message(&nr), -XEN_ESRCH);
}

/* The tools may ask for an interrupt of a domain that somebody else has just ended. */
static void dead_get_none(void **s)
{
	int nr;

	(void)s;
	assert_int_equal(map_line(20), 0);
	assert_int_equal(map_message(&nr), 0);
	assert_in_range(nr, LINES, NR_PIRQS - 1);
	meanwhile = others_map; /* between its lines' end and its table's */
	pirq_free(&d);
	others_map();
	assert_int_equal(pirq_unmap(&d, nr), -XEN_EINVAL);
	assert_int_equal(pirq_eoi(&d, 20), -XEN_EINVAL);
}

static void messages_are_restored_while_nobody_takes_them_away(void **state)
{
	(void)state;
	assert_int_equal(pirq_restore_msi(0, 3, 0x18), 0);
	assert_int_equal(pirq_restore_msi(1, 3, 0x18), -XEN_ESRCH);
	assert_int_equal(locked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(line_waits_for_the_guest, setup, teardown),
		cmocka_unit_test_setup_teardown(dead_get_none, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_are_restored_while_nobody_takes_them_away,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
