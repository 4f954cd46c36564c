/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hypervisor that is not there, for stores under test: preloaded into a store, ours or another,
 * it stands in for the Xen driver libraries. In $FAKEXEN are: rings, a page for each domain's ring;
 * states, a byte for each domain (0 runs, 1 has shut down, 2 is gone); event channels as datagram
 * sockets (store: what the store hears; dom.DOMID: what the domain hears). A datagram to the store
 * is the port as decimal text. Port = 1000 + domain, whatever was asked for; port 1 is the VIRQ.
 * All files are opened at the start, as the store may lock itself in later.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define __XEN_TOOLS__
#include <xen/xen.h>
#include <xen/sysctl.h>

#define FIRST_PORT 1000
#define VIRQ_PORT  1
#define DOMAINS	   1024 /* pages in the file */
#define STATES	   4096 /* a byte for each domain that may be asked for */

static const char *file(const char *what, unsigned domid)
{
	static char path[108];

	snprintf(path, sizeof(path), "%s/%s.%u", getenv("FAKEXEN"), what, domid);
	return path;
}

static int hears(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		perror(path);
		abort();
	}
	return fd;
}

/* --- event channels */

struct events {
	int fd;
	int inherited;
};

void *xenevtchn_open(void *log, unsigned flags);
void *xenevtchn_fdopen(void *log, int fd, unsigned flags);
int xenevtchn_close(void *h);
int xenevtchn_fd(void *h);
int xenevtchn_notify(void *h, uint32_t port);
int xenevtchn_bind_interdomain(void *h, uint32_t domid, uint32_t port);
int xenevtchn_bind_virq(void *h, unsigned virq);
int xenevtchn_unbind(void *h, uint32_t port);
int xenevtchn_pending(void *h);
int xenevtchn_unmask(void *h, uint32_t port);

void *xenevtchn_open(void *log, unsigned flags)
{
	struct events *e = calloc(1, sizeof(*e));

	(void)log;
	(void)flags;
	e->fd = hears(file("store", 0));
	return e;
}

void *xenevtchn_fdopen(void *log, int fd, unsigned flags)
{
	struct events *e = calloc(1, sizeof(*e));

	(void)log;
	(void)flags;
	e->inherited = 1;
	e->fd = fd;
	return e;
}

int xenevtchn_close(void *h)
{
	free(h);
	return 0;
}

int xenevtchn_fd(void *h)
{
	return ((struct events *)h)->fd;
}

int xenevtchn_notify(void *h, uint32_t port)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", file("dom", port - FIRST_PORT));
	sendto(((struct events *)h)->fd, "!", 1, MSG_DONTWAIT, (struct sockaddr *)&a, sizeof(a));
	return 0;
}

int xenevtchn_bind_interdomain(void *h, uint32_t domid, uint32_t port)
{
	(void)h;
	(void)port;
	return FIRST_PORT + domid;
}

int xenevtchn_bind_virq(void *h, unsigned virq)
{
	(void)virq;
	if (((struct events *)h)->inherited) {
		errno = EEXIST; /* by the predecessor, and it still is */
		return -1;
	}
	return VIRQ_PORT;
}

int xenevtchn_unbind(void *h, uint32_t port)
{
	(void)h;
	(void)port;
	return 0;
}

int xenevtchn_pending(void *h)
{
	char text[16] = "";

	if (recv(((struct events *)h)->fd, text, sizeof(text) - 1, MSG_DONTWAIT) <= 0)
		return -1;
	return atoi(text);
}

int xenevtchn_unmask(void *h, uint32_t port)
{
	(void)h;
	(void)port;
	return 0;
}

/* --- grants */

void *xengnttab_open(void *log, unsigned flags);
int xengnttab_close(void *h);
int xengnttab_set_max_grants(void *h, uint32_t n);
void *xengnttab_map_grant_ref(void *h, uint32_t domid, uint32_t ref, int prot);
int xengnttab_unmap(void *h, void *p, uint32_t n);

static int rings = -1;

void *xengnttab_open(void *log, unsigned flags)
{
	(void)log;
	(void)flags;
	if (rings < 0)
		rings = syscall(SYS_openat, AT_FDCWD, file("rings", 0), O_RDWR | O_CLOEXEC);
	return malloc(1);
}

int xengnttab_close(void *h)
{
	free(h);
	return 0;
}

int xengnttab_set_max_grants(void *h, uint32_t n)
{
	(void)h;
	(void)n;
	return 0;
}

void *xengnttab_map_grant_ref(void *h, uint32_t domid, uint32_t ref, int prot)
{
	void *p = MAP_FAILED;

	(void)h;
	(void)ref;
	errno = ENOENT;
	if (domid < DOMAINS)
		p = mmap(NULL, 4096, prot, MAP_SHARED, rings, domid * 4096l);
	return p == MAP_FAILED ? NULL : p;
}

int xengnttab_unmap(void *h, void *p, uint32_t n)
{
	(void)h;
	return munmap(p, n * 4096);
}

/* --- hypercalls: which domains live */

static const volatile char *states;

static void open_states(void)
{
	int fd = syscall(SYS_openat, AT_FDCWD, file("states", 0), O_RDONLY | O_CLOEXEC);

	states = mmap(NULL, STATES, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
}

static int domain_flags(unsigned domid)
{
	if (states[domid] == 2)
		return -1;
	return XEN_DOMINF_running | (states[domid] ? XEN_DOMINF_shutdown : 0);
}

void *xencall_open(void *log, unsigned flags);
int xencall_close(void *h);
void *xencall_alloc_buffer_pages(void *h, size_t n);
void xencall_free_buffer_pages(void *h, void *p, size_t n);
int xencall1(void *h, unsigned op, uint64_t arg);

void *xencall_open(void *log, unsigned flags)
{
	(void)log;
	(void)flags;
	open_states();
	return malloc(1);
}

int xencall_close(void *h)
{
	return xengnttab_close(h);
}

void *xencall_alloc_buffer_pages(void *h, size_t n)
{
	(void)h;
	return calloc(n, 4096);
}

void xencall_free_buffer_pages(void *h, void *p, size_t n)
{
	(void)h;
	(void)n;
	free(p);
}

int xencall1(void *h, unsigned op, uint64_t arg)
{
	struct xen_sysctl *s = (void *)(uintptr_t)arg;
	unsigned domid, n = 0;
	xen_domctl_getdomaininfo_t *info;

	(void)h;
	if (op != __HYPERVISOR_sysctl || s->cmd != XEN_SYSCTL_getdomaininfolist ||
	    s->interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
		errno = ENOSYS;
		return -1;
	}
	info = s->u.getdomaininfolist.buffer.p;
	for (domid = s->u.getdomaininfolist.first_domain;
	     domid < STATES && n < s->u.getdomaininfolist.max_domains; domid++) {
		int flags = domain_flags(domid);

		if (flags < 0)
			continue;
		info[n].domain = domid;
		info[n++].flags = flags;
	}
	s->u.getdomaininfolist.num_domains = n;
	return 0;
}

/*
 * --- the control library, which other stores use; the layout is that of its public header at 4.17
 */

struct xc_dominfo {
	uint32_t domid, ssidref;
	unsigned dying : 1, crashed : 1, shutdown : 1, paused : 1, blocked : 1, running : 1,
		rest : 26;
	char room[512];
};

void *xc_interface_open(void *a, void *b, unsigned flags);
int xc_interface_close(void *h);
int xc_domain_getinfo(void *h, uint32_t first, unsigned max, void *out);
int xc_domain_getinfolist(void *h, uint32_t first, unsigned max, void *out);

void *xc_interface_open(void *a, void *b, unsigned flags)
{
	(void)a;
	(void)b;
	(void)flags;
	open_states();
	return malloc(1);
}

int xc_interface_close(void *h)
{
	free(h);
	return 0;
}

int xc_domain_getinfo(void *h, uint32_t first, unsigned max, void *out)
{
	struct xc_dominfo *d = out;
	int flags = domain_flags(first);

	(void)h;
	(void)max;
	if (flags < 0)
		return 0;
	memset(d, 0, offsetof(struct xc_dominfo, room));
	d->domid = first;
	d->running = 1;
	d->shutdown = (flags & XEN_DOMINF_shutdown) != 0;
	return 1;
}

int xc_domain_getinfolist(void *h, uint32_t first, unsigned max, void *out)
{
	xen_domctl_getdomaininfo_t *info = out;
	int flags = domain_flags(first);

	(void)h;
	(void)max;
	if (flags < 0)
		return 0;
	memset(info, 0, sizeof(*info));
	info->domain = first;
	info->flags = flags;
	return 1;
}

/* --- the ring of this domain's own kernel: files of its driver */

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, int);
	va_end(ap);
	if (!strcmp(path, "/proc/xen/xsd_kva"))
		path = file("rings", 0);
	else if (!strcmp(path, "/proc/xen/xsd_port"))
		path = file("port", 0);
	else if (!strcmp(path, "/var/log/xen/xenstored.log") ||
		 !strcmp(path, "/var/log/xen/xenstored-access.log"))
		path = file("log", 0);
	return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* one store listens where it was built to, whatever it is told */
int bind(int fd, const struct sockaddr *a, socklen_t len)
{
	struct sockaddr_un mine = { .sun_family = AF_UNIX };

	if (a->sa_family == AF_UNIX &&
	    !strcmp(((const struct sockaddr_un *)a)->sun_path, "/var/run/xenstored/socket")) {
		snprintf(mine.sun_path, sizeof(mine.sun_path), "%s/socket",
			 getenv("XENSTORED_RUNDIR"));
		a = (const struct sockaddr *)&mine;
		len = sizeof(mine);
	}
	return syscall(SYS_bind, fd, a, len);
}

/* one store wants more open files than a container grants, and gives up without */
int setrlimit(__rlimit_resource_t what, const struct rlimit *r)
{
	(void)what;
	(void)r;
	return 0;
}
