/* SPDX-License-Identifier: BSD-2-Clause */
/* The VGA's text screen, as the firmware left it: 80 by 25. Below the first MiB, so in the direct
 * map from the start. */
#include <torc/serial.h>
#include <torc/x86.h>

#define COLUMNS	  80
#define LINES	  25
#define ATTRIBUTE 0x0700

static unsigned int x, y;
static bool on;

static volatile uint16_t *screen(void)
{
	return maddr_to_virt(0xb8000);
}

static void scroll(void)
{
	volatile uint16_t *s = screen();
	unsigned int i;

	for (i = 0; i < COLUMNS * (LINES - 1); i++)
		s[i] = s[i + COLUMNS];
	for (; i < COLUMNS * LINES; i++)
		s[i] = ATTRIBUTE | ' ';
}

static void cursor(void)
{
	unsigned int at = y * COLUMNS + x;

	outb(0x3d4, 0x0e);
	outb(0x3d5, (uint8_t)(at >> 8));
	outb(0x3d4, 0x0f);
	outb(0x3d5, (uint8_t)at);
}

void vga_init(void)
{
	unsigned int i;

	for (i = 0; i < COLUMNS * LINES; i++)
		screen()[i] = ATTRIBUTE | ' ';
	x = y = 0;
	on = true;
	cursor();
}

void vga_putc(char c)
{
	if (!on)
		return;
	if (c == '\r') {
		x = 0;
	} else if (c == '\n' || x == COLUMNS) {
		x = 0;
		if (++y == LINES) {
			y--;
			scroll();
		}
	}
	if ((uint8_t)c >= ' ')
		screen()[y * COLUMNS + x++] = (uint16_t)(ATTRIBUTE | (uint8_t)c);
	if (c == '\n')
		cursor();
}
