/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's two directories on the store, as every backend needs them: read, write, states,
 * watches, errors. */
#ifndef BACKEND_BDEV_H
#define BACKEND_BDEV_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/xenbus.h>

#include "dom0-tools/common/why.h"
#include "xenbus/client/client.h"

/* What a kind of device does when states move; bdev_on_event() decides when. Each gets the device
 * that holds the bdev. */
struct bdev;
struct bdev_ops {
	bool (*connected)(struct bdev *d);
	void (*connect)(struct bdev *d); /* the frontend has chosen: ends in Connected, or says why
					    not, or waits for a store that is away (lost) */
	void (*disconnect)(struct bdev *d); /* no-op if it is not connected */
};

struct bdev {
	const struct bdev_ops *ops;
	char back[STORE_PATH_MAX], front[STORE_PATH_MAX];
	struct store *store;
	uint16_t domid;		 /* the frontend's */
	char mark[40];		 /* what stands in our directory as long as it is ours */
	enum xenbus_state state; /* ours, as last written */
	bool done;		 /* over for good: the process ends */
	bool lost;		 /* something could not be read, for the store was away */
};

/* A number to be published; a table of them is written with one call. */
struct fact {
	const char *key;
	uint64_t value;
};

/* Connects to the store, marks the directory and reads who the frontend is. Another directory that
 * comes in the place of this one, of a device of the same number, is another process's. */
int bdev_open(struct bdev *d, const char *back, struct why *why);
void bdev_close(struct bdev *d);
void bdev_say(const struct bdev *d, int prio, const char *text);
/* To the log, and to B/error, which the tools show: torc why, and whoever waits for the device. */
void bdev_report(struct bdev *d, const struct why *why);
int bdev_read_front(struct bdev *d, const char *key, char **value); /* malloced */
int bdev_read_back(struct bdev *d, const char *key, char **value);
int bdev_read_front_number(struct bdev *d, const char *key, uint64_t *n);
int bdev_read_back_number(struct bdev *d, const char *key, uint64_t *n);
int bdev_write_back(struct bdev *d, const char *key, const char *value);
int bdev_write_facts(struct bdev *d, store_txn_t t, const struct fact *f, unsigned int n);
void bdev_set_state(struct bdev *d, enum xenbus_state s);
bool bdev_online(struct bdev *d);
/* A device that cannot be served: said and closed, but not for what could not be read (lost). What
 * its process is to end with. */
int bdev_refuse(struct bdev *d, const struct why *why);
/* Until a key of our directory is there that the toolstack writes when the device may be opened.
 * -ENOENT: it has been taken away instead. */
int bdev_await(struct bdev *d, const char *key);
/* Both states; events come with the tokens "front" and "back". Each fires once at once. */
int bdev_watch(struct bdev *d);
/* Disconnects and writes next, unless that is our state already. */
void bdev_disconnect(struct bdev *d, enum xenbus_state next);
/* One event of bdev_watch()'s: states go forward and back as the protocols have them. */
void bdev_on_event(struct bdev *d, const char *token);
/* The same for all that the store has to tell. */
void bdev_ready(struct bdev *d);
/* A descriptor that becomes readable every so many seconds, and its reading. The kernel keeps it
 * going: a timer of the event loop's would be programmed again for every event. */
int bdev_ticker(unsigned int seconds);
void bdev_ticked(int fd);
/* A file of counters that the tools read: one line of JSON, of one length, written over the last
 * one. */
int bdev_stats_open(const struct bdev *d, const char *run_dir);
void bdev_stats_write(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* /local/domain/0/backend/vbd/5/51712 -> RUN_DIR/vbd-5-51712SUFFIX */
int bdev_file(const char *back, const char *run_dir, const char *suffix, char *out, size_t size);

/* What outlives the process: a file of this size, mapped, or NULL with why. It is all zeroes if
 * there was none, or one of another size, which is another version's; and for a device that nobody
 * has served yet, by its state: one that had its name before was taken away while no daemon ran.
 * Only one process may have it open: alone() sees to that. */
void *bdev_state_open(const struct bdev *d, const char *run_dir, size_t size, struct why *why);

#endif
