/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside torc-consoled: the daemon, a guest's console, its log, its viewers. */
#ifndef TORC_CONSOLED_CONSOLED_H
#define TORC_CONSOLED_CONSOLED_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "dom0-tools/common/log.h"
#include "dom0-tools/consoled/ring.h"
#include "dom0-tools/host/host.h"
#include "xenbus/client/client.h"

#define HISTORY_SIZE 65536u /* what a new viewer is shown */
#define KEYS_SIZE    4096u  /* typed ahead of a guest that does not read */
#define TICK	     0.1    /* seconds a guest that rings too often waits */

struct daemon {
	struct ev_loop *loop;
	struct store *store;
	struct host *host; /* NULL once root was given up */
	xenevtchn_handle *events;
	xengnttab_handle *grants;
	struct console *consoles; /* all, newest first */
	/* a daemon of five hundred guests finds one as quickly as of one */
	struct console *by_domid[HOST_FIRST_RESERVED];
	struct console **by_port;
	size_t ports;
	ev_timer tick; /* runs while a guest is held */
	ev_timer look; /* for a new one, soon */
	const char *log_dir;
};

struct console {
	struct console *next, *prev;
	struct daemon *daemon;
	uint32_t domid;
	char name[64];
	volatile struct xencons_interface *ring;
	bool granted; /* mapped by grant, else by frame number */
	evtchn_port_t port;
	unsigned int broken; /* impossible indices seen */
	unsigned int events; /* since the last tick */
	ev_tstamp since;     /* when the counting of events began */
	bool held;	     /* too many: its port stays masked until the tick */

	int pty, pty_slave;
	ev_io pty_io;

	char history[HISTORY_SIZE];
	size_t history_at; /* total bytes ever; the low bits are the place */

	char keys[KEYS_SIZE];
	size_t nr_keys;

	struct viewer *viewers;
	int log; /* -1: none can be written */
	off_t log_size;
	size_t log_lost; /* bytes that could not be written */
};

/* --- console.c */
void console_scan(struct daemon *d);		      /* attach to new guests */
void console_reap(struct daemon *d);		      /* let go of dead ones */
void console_named(struct daemon *d, uint32_t domid); /* anew, perhaps */
void console_event(struct daemon *d, evtchn_port_t port);
void console_tick(struct daemon *d); /* TICK seconds after a guest was held */
void console_keys(struct console *c, const char *keys, size_t n);
bool console_wants_keys(const struct console *c);
/* Of a console's guest, for the log. */
#define ABOUT(c) (&(struct log_about){ .guest = (c)->name, .domid = (c)->domid })

struct console *console_find(struct daemon *d, uint32_t domid);

/* --- viewer.c */
int viewer_listen(struct daemon *d, const char *path);
void viewer_show(struct console *c, const char *text, size_t n);
void viewer_resume(struct console *c); /* there is room for keys again */
void viewer_end_all(struct console *c);

/* --- sandbox.c */
int sandbox_enter(void);

/* --- logfile.c */
/* The directory, and what is in it from when the daemon was root. 0, or -errno. */
int logs_give(const char *dir, uid_t uid, gid_t gid);
void log_open(struct console *c);
void log_write(struct console *c, const char *text, size_t n);
void log_close(struct console *c);

#endif
