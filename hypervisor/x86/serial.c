/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 serial port, written by polling. */
#include <torc/serial.h>
#include <torc/x86.h>

enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCRATCH };
#define LSR_DATA      0x01
#define LSR_THR_EMPTY 0x20
#define FIFO_SIZE     16

static uint16_t base;
static unsigned int room; /* bytes the FIFO is known to take without a look */

bool serial_init(uint16_t port, unsigned int baud, unsigned int data_bits, char parity,
		 unsigned int stop_bits)
{
	uint8_t lcr = (uint8_t)((data_bits - 5) & 3);
	unsigned int divisor;

	outb(port + SCRATCH, 0x5a);
	if (inb(port + SCRATCH) != 0x5a)
		return false;
	if (stop_bits == 2)
		lcr |= 4;
	if (parity == 'o' || parity == 'e')
		lcr |= parity == 'o' ? 0x08 : 0x18;
	outb(port + IER, 0);
	if (baud) {
		divisor = MAX(115200 / baud, 1u);
		outb(port + LCR, 0x80 | lcr);
		outb(port + DATA, (uint8_t)divisor);
		outb(port + IER, (uint8_t)(divisor >> 8));
	}
	outb(port + LCR, lcr);
	outb(port + IIR_FCR, 0x07); /* FIFOs on and empty, an interrupt at the first byte */
	outb(port + MCR, 0x0b);	    /* DTR, RTS, and OUT2, which lets interrupts through */
	room = 0;
	base = port;
	return true;
}

void serial_putc(char c)
{
	unsigned int tries;

	if (!base)
		return;
	if (!room) {
		/* A port that never drains (unplugged, flow control) must not hold the machine up
		 * for ever. */
		for (tries = 0; !(inb(base + LSR) & LSR_THR_EMPTY) && tries < 200000; tries++)
			cpu_relax();
		room = FIFO_SIZE;
	}
	outb(base + DATA, (uint8_t)c);
	room--;
}

int serial_getc(void)
{
	return base && (inb(base + LSR) & LSR_DATA) ? inb(base + DATA) : -1;
}

void serial_irq_enable(void)
{
	if (base)
		outb(base + IER, 1);
}

uint16_t serial_port(void)
{
	return base;
}
