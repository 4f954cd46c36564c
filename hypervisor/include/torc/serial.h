/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices under the console: a 16550 and VGA text. Polled writes; the console's lock is held. */
#ifndef TORC_SERIAL_H
#define TORC_SERIAL_H

#include <torc/types.h>

/* baud 0: as the firmware left it. False: nothing answers at that port. */
bool serial_init(uint16_t port, unsigned int baud, unsigned int data_bits, char parity,
		 unsigned int stop_bits);
void serial_putc(char c);
int serial_getc(void);	      /* -1: nothing there */
void serial_irq_enable(void); /* an interrupt for each input */
uint16_t serial_port(void);   /* 0: none in use */

void vga_init(void);
void vga_putc(char c);

#endif
