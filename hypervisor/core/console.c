/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: what is written goes to the serial line and to VGA text (until the control domain
 * takes the screen), and into a ring that 'dmesg' reads. Input of the serial line is the control
 * domain's. One lock for all, taken with interrupts off; while panicking it is not waited for.
 */
#include <torc/console.h>
#include <torc/serial.h>
#include <torc/spinlock.h>
#include <torc/irq.h>
#include <torc/symbols.h>

#define RING_SIZE     (64 * 1024)
#define INPUT_SIZE    256
#define LINE_SIZE     512
#define GUEST_BURST   20 /* messages of one guest in a row before the limit of ... */
#define GUEST_PER_SEC 10
#define GUEST_LIMITS  32 /* guests whose numbers differ by this share one */

void (*console_input_notify)(void);

static spinlock_t lock = SPINLOCK(RANK_CONSOLE);
static char ring[RING_SIZE];
static uint32_t ring_at;      /* ever written; the ring holds the last RING_SIZE of it */
static uint32_t ring_cleared; /* where 'clear' was said last */
static char input[INPUT_SIZE];
static unsigned int input_put, input_get;
static bool use_serial, use_vga, busted;
static bool line_open;					/* the last character was no newline */
static int level = LOG_INFO, guest_level = LOG_WARNING; /* the highest that is shown */
static struct irq serial_irq;

static unsigned long console_lock(void)
{
	unsigned int tries;
	unsigned long flags = irq_save();

	for (tries = 0; !spin_trylock(&lock); tries++) {
		if (busted && tries > 1000000)
			return flags | 1ul << 63; /* whoever holds it is not coming back */
		cpu_relax();
	}
	return flags;
}

static void console_unlock(unsigned long flags)
{
	if (!(flags >> 63))
		spin_unlock(&lock);
	irq_restore(flags);
}

/* For panic(): write whatever happens. */
void console_bust(void)
{
	busted = true;
}

static void emit(const char *s, size_t n)
{
	for (; n; n--, s++) {
		ring[ring_at++ % RING_SIZE] = *s;
		line_open = *s != '\n';
		if (*s == '\n') {
			if (use_serial)
				serial_putc('\r');
			if (use_vga)
				vga_putc('\r');
		}
		if (use_serial)
			serial_putc(*s);
		if (use_vga)
			vga_putc(*s);
	}
}

void console_write(const char *s, size_t n)
{
	unsigned long flags = console_lock();

	emit(s, n);
	console_unlock(flags);
}

static void log_line(const char *prefix, const char *fmt, va_list ap)
{
	char line[LINE_SIZE];
	unsigned long flags;
	size_t n;

	vformat(line, sizeof(line) - 1, fmt, ap);
	n = strlen(line);
	if (!n || line[n - 1] != '\n')
		line[n++] = '\n';
	flags = console_lock();
	if (line_open)
		emit("\n", 1);
	emit("(TORC) ", 7);
	emit(prefix, strlen(prefix));
	emit(line, n);
	console_unlock(flags);
}

#define LOG_FUNCTION(name, l, prefix)      \
	void name(const char *fmt, ...)    \
	{                                  \
		va_list ap;                \
                                           \
		if (l > level)             \
			return;            \
		va_start(ap, fmt);         \
		log_line(prefix, fmt, ap); \
		va_end(ap);                \
	}
LOG_FUNCTION(log_err, LOG_ERR, "error: ")
LOG_FUNCTION(log_warn, LOG_WARNING, "warning: ")
LOG_FUNCTION(log_info, LOG_INFO, "")
LOG_FUNCTION(log_debug, LOG_DEBUG, "")

/* What a guest causes is limited, or it could fill the log and hold the serial line; each by
 * itself, or it could hide what others cause. */
static struct guest_limit {
	ns_t last;
	unsigned int credit, lost;
} limits[GUEST_LIMITS] = { [0 ... GUEST_LIMITS - 1] = { .credit = GUEST_BURST } };

static bool guest_may_log(struct guest_limit *g, unsigned int *suppressed)
{
	unsigned long flags = console_lock();
	ns_t now = clock_now();
	uint64_t more = (uint64_t)(now - g->last) * GUEST_PER_SEC / NS_PER_SEC;
	bool may;

	if (more) {
		g->credit = (unsigned int)MIN(g->credit + more, (uint64_t)GUEST_BURST);
		g->last = now;
	}
	may = g->credit != 0;
	*suppressed = may ? g->lost : 0;
	g->lost = may ? 0 : g->lost + 1;
	g->credit -= may;
	console_unlock(flags);
	return may;
}

void log_guest(unsigned int domid, enum log_level l, const char *fmt, ...)
{
	unsigned int suppressed;
	char prefix[16];
	va_list ap;

	if ((int)l > guest_level || !guest_may_log(&limits[domid % GUEST_LIMITS], &suppressed))
		return;
	if (suppressed)
		log_warn("%u messages about d%u were left out", suppressed, domid);
	format(prefix, sizeof(prefix), "d%u: ", domid);
	va_start(ap, fmt);
	log_line(prefix, fmt, ap);
	va_end(ap);
}

size_t console_ring_read(char *buf, size_t n, uint32_t *at, bool clear)
{
	unsigned long flags = console_lock();
	uint32_t oldest = ring_at - ring_cleared > RING_SIZE ? ring_at - RING_SIZE : ring_cleared;
	size_t i;

	if (*at - oldest > ring_at - oldest) /* before the oldest, or past the end */
		*at = oldest;
	for (i = 0; i < n && *at != ring_at; i++)
		buf[i] = ring[(*at)++ % RING_SIZE];
	if (clear)
		ring_cleared = *at;
	console_unlock(flags);
	return i;
}

size_t console_read(char *buf, size_t n)
{
	unsigned long flags = console_lock();
	size_t i;

	for (i = 0; i < n && input_get != input_put; i++)
		buf[i] = input[input_get++ % INPUT_SIZE];
	console_unlock(flags);
	return i;
}

static void serial_input(struct irq *irq, void *arg)
{
	bool some = false;
	int c;

	(void)arg;
	spin_lock(&lock);
	while ((c = serial_getc()) >= 0) {
		some = true;
		if (input_put - input_get < INPUT_SIZE)
			input[input_put++ % INPUT_SIZE] = (char)c;
	}
	spin_unlock(&lock);
	irq_eoi(irq);
	if (some && console_input_notify)
		console_input_notify();
}

/* Interrupts work: input by them. */
void console_init_irq(void)
{
	bool is_level, active_low;
	unsigned int gsi = isa_irq_to_gsi(serial_port() == 0x2f8 ? 3 : 4, &is_level, &active_low);

	if (!use_serial)
		return;
	serial_irq = (struct irq){ .handler = serial_input };
	if (irq_alloc_vector(&serial_irq) || ioapic_route(&serial_irq, gsi, is_level, active_low)) {
		log_warn("console: no interrupt for the serial line (GSI %u); its input is not read",
			 gsi);
		return;
	}
	serial_irq_enable();
	serial_irq.chip->unmask(&serial_irq);
}

/* "115200,8n1,0x3f8,4" or any beginning of it; "auto" for the rate keeps the firmware's. */
static unsigned int number(const char **s)
{
	unsigned int base = 10, n = 0, d;

	if ((*s)[0] == '0' && (*s)[1] == 'x') {
		base = 16;
		*s += 2;
	}
	for (;; (*s)++) {
		d = (unsigned int)**s;
		d = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : 99;
		if (d >= base)
			return n;
		n = n * base + d;
	}
}

static bool parse_com(const char *s, uint16_t port)
{
	unsigned int baud = 0, bits = 8, stop = 1;
	char parity = 'n';

	if (*s >= '0' && *s <= '9')
		baud = number(&s);
	while (*s && *s != ',')
		s++;
	if (*s == ',' && s[1] >= '5' && s[1] <= '8' && s[2]) {
		bits = (unsigned int)(s[1] - '0');
		parity = s[2];
		stop = s[3] == '2' ? 2 : 1;
		for (s++; *s && *s != ',';)
			s++;
	}
	if (*s == ',' && s[1]) {
		s++;
		port = (uint16_t)number(&s);
	}
	return serial_init(port, baud, bits, parity, stop);
}

static int parse_level(const char *s, int otherwise)
{
	static const struct {
		const char *name;
		int level;
	} names[] = {
		{ "none", -1 },	      { "error", LOG_ERR },   { "warning", LOG_WARNING },
		{ "info", LOG_INFO }, { "debug", LOG_DEBUG }, { "all", LOG_DEBUG },
	};
	unsigned int i;
	size_t n = 0;

	while (s[n] && s[n] != '/') /* "always/rate-limited": the first counts */
		n++;
	for (i = 0; n && i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == n && !strncmp(s, names[i].name, n))
			return names[i].level;
	if (n)
		log_warn("log level \"%s\" is none of none, error, warning, info, debug, all", s);
	return otherwise;
}

void console_init_early(void)
{
	symbols_init();
	use_serial = serial_init(0x3f8, 115200, 8, 'n', 1);
}

/* console= names devices, by default "com1,vga". */
static bool named(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (; *list; list++) {
		if (!strncmp(list, name, n) && (!list[n] || list[n] == ','))
			return true;
		while (list[1] && *list != ',')
			list++;
	}
	return false;
}

void console_init(const char *console_opt, const char *com1_opt, const char *loglvl,
		  const char *guest_loglvl)
{
	uint32_t i;

	if (!*console_opt)
		console_opt = "com1,vga";
	if (named(console_opt, "com1"))
		use_serial = parse_com(*com1_opt ? com1_opt : "115200,8n1", 0x3f8);
	else if (named(console_opt, "com2"))
		use_serial = parse_com("115200,8n1", 0x2f8);
	else
		use_serial = false;
	if (named(console_opt, "vga")) {
		vga_init();
		use_vga = true;
		for (i = 0; i != ring_at; i++) {
			if (ring[i % RING_SIZE] == '\n')
				vga_putc('\r');
			vga_putc(ring[i % RING_SIZE]);
		}
	}
	level = parse_level(loglvl, level);
	guest_level = parse_level(guest_loglvl, guest_level);
}

void console_set_owner(bool dom0_has_vga)
{
	if (dom0_has_vga)
		use_vga = false;
}
