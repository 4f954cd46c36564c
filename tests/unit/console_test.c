/* SPDX-License-Identifier: BSD-2-Clause */
/* core/console.c: what guests cause in the log is limited, each by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <torc/console.h>
#include <torc/irq.h>
#include <torc/serial.h>
#include <torc/spinlock.h>
#include <torc/symbols.h>

static ns_t now = NS_PER_SEC / 2;
static char text[65536];

ns_t clock_now(void)
{
	return now;
}
void spin_lock(spinlock_t *l)
{
	l->owner = 1;
}
bool spin_trylock(spinlock_t *l)
{
	assert_int_equal(l->owner, 0);
	l->owner = 1;
	return true;
}
void spin_unlock(spinlock_t *l)
{
	l->owner = 0;
}
void symbols_init(void)
{
}
const char *symbol_find(unsigned long addr, unsigned long *offset)
{
	(void)addr, (void)offset;
	return NULL;
}
bool serial_init(uint16_t port, unsigned int baud, unsigned int bits, char parity, unsigned int stop)
{
	(void)port, (void)baud, (void)bits, (void)parity, (void)stop;
	return false;
}
void serial_putc(char c)
{
	(void)c;
}
int serial_getc(void)
{
	return -1;
}
void serial_irq_enable(void)
{
}
uint16_t serial_port(void)
{
	return 0;
}
void vga_init(void)
{
}
void vga_putc(char c)
{
	(void)c;
}
int irq_alloc_vector(struct irq *irq)
{
	(void)irq;
	return 0;
}
void irq_eoi(struct irq *irq)
{
	(void)irq;
}
int ioapic_route(struct irq *irq, unsigned int gsi, bool level, bool active_low)
{
	(void)irq, (void)gsi, (void)level, (void)active_low;
	return 0;
}
unsigned int isa_irq_to_gsi(unsigned int irq, bool *level, bool *active_low)
{
	*level = *active_low = false;
	return irq;
}

/* Lines in the log that hold s; the log is empty afterwards. */
static unsigned int lines_with(const char *s)
{
	uint32_t at = 0;
	size_t n = console_ring_read(text, sizeof(text) - 1, &at, true);
	unsigned int found = 0;

	text[n] = 0;
	for (const char *p = text; (p = strstr(p, s)); p++)
		found++;
	return found;
}

static void one_guest_is_limited(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++)
		log_guest(1, LOG_WARNING, "look at me");
	assert_int_equal(lines_with("d1: look at me"), 20);
	now += NS_PER_SEC;
	for (int i = 0; i < 500; i++)
		log_guest(1, LOG_WARNING, "look at me");
	assert_int_equal(lines_with("look at me"), 10);
	assert_non_null(strstr(text, "480 messages about d1 were left out"));
}

static void and_hides_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++)
		log_guest(1, LOG_WARNING, "look at me");
	log_guest(2, LOG_WARNING, "mine");
	assert_int_equal(lines_with("d2: mine"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_guest_is_limited),
		cmocka_unit_test(and_hides_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
