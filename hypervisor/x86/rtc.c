/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's clock and calendar, read once. */
#include <torc/x86_priv.h>

#define UPDATING 0x80

static uint8_t cmos(uint8_t reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

struct reading {
	uint8_t second, minute, hour, day, month, year;
};

static void read_once(struct reading *r)
{
	unsigned int tries;

	for (tries = 0; (cmos(10) & UPDATING) && tries < 100000; tries++)
		cpu_relax();
	*r = (struct reading){ cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9) };
}

static uint8_t from_bcd(uint8_t v)
{
	return (uint8_t)((v >> 4) * 10 + (v & 15));
}

/* Days since 1970 of a date in the Gregorian calendar; years start in March, so that the odd day is
 * the last. */
static int64_t days(int64_t year, unsigned int month, unsigned int day)
{
	if (month <= 2) {
		year--;
		month += 12;
	}
	return 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day -
	       1 - 719468;
}

int64_t rtc_read(void)
{
	struct reading r, again;
	uint8_t mode = cmos(11);
	bool pm;

	do { /* the same twice: not caught while it changed */
		read_once(&r);
		read_once(&again);
	} while (memcmp(&r, &again, sizeof(r)));
	pm = !(mode & 2) && r.hour & 0x80;
	r.hour &= 0x7f;
	if (!(mode & 4))
		r = (struct reading){ from_bcd(r.second), from_bcd(r.minute), from_bcd(r.hour),
				      from_bcd(r.day),	  from_bcd(r.month),  from_bcd(r.year) };
	if (!(mode & 2))
		r.hour = (uint8_t)(r.hour % 12 + (pm ? 12 : 0));
	return ((days(2000 + r.year, r.month, r.day) * 24 + r.hour) * 60 + r.minute) * 60 + r.second;
}
