/* SPDX-License-Identifier: BSD-2-Clause */
/* console_io: the control domain's own terminal is the machine's console; what other guests write
 * goes to the log, limited. */
#include <torc/console.h>
#include <torc/hypercall.h>
#include <torc/sched.h>

#define PART 128

static void write_part(struct domain *d, char *s, size_t n)
{
	if (d->privileged) {
		console_write(s, n);
		return;
	}
	for (size_t i = 0; i < n; i++) /* a log line is text, whatever a guest says */
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			s[i] = ' ';
	log_guest(d->id, LOG_INFO, "console: %.*s", (int)n, s);
}

static long write_all(struct vcpu *v, uint32_t count, unsigned long at)
{
	char part[PART];

	while (count) {
		uint32_t n = MIN(count, (uint32_t)PART);

		if (guest_read(part, GADDR(at), n))
			return -XEN_EFAULT;
		write_part(v->domain, part, n);
		at += n;
		count -= n;
		if (count && must_yield()) {
			hypercall_restart(v, 1, count);
			return hypercall_restart(v, 2, at);
		}
	}
	return 0;
}

HC(hc_console_io)
{
	char part[PART];
	size_t n;

	(void)a4, (void)a5;
	if (!v->domain->privileged && (uint32_t)a1 != CONSOLEIO_write)
		return refuse(v, -XEN_EPERM, "console_io: command %lu is for the control domain",
			      a1);
	switch ((uint32_t)a1) {
	case CONSOLEIO_write:
		if ((uint32_t)a2 > 0x7fffffff)
			return refuse(v, -XEN_EINVAL, "console_io: %lu bytes", a2);
		return write_all(v, (uint32_t)a2, a3);
	case CONSOLEIO_read:
		n = console_read(part, MIN((size_t)(uint32_t)a2, sizeof(part)));
		return guest_write(GADDR(a3), part, n) ? -XEN_EFAULT : (long)n;
	default: return refuse(v, -XEN_ENOSYS, "console_io: no command %lu", a1);
	}
}
