/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's life, as create, destroy, attach and the supervisor share it: its nodes in the
 * store, its devices in dom0, and the record that outlives it.
 */
#ifndef TORC_CLI_GUEST_H
#define TORC_CLI_GUEST_H

#include <limits.h>
#include <time.h>

#include "dom0-tools/builder/builder.h"
#include "dom0-tools/cli/cli.h"
#include "dom0-tools/config/config.h"

/* A disk made ready in dom0: a file becomes a loop device that goes away with its last user. */
struct disk_source {
	int loop_fd;	 /* held until the backend has opened it; -1: a device as it is */
	char device[64]; /* /dev/loop3, /dev/vg/web */
	unsigned int major, minor;
	uint64_t dev, inode; /* of the file or device, to find a second user */
	bool user;	     /* served by torc-blkd, not by dom0's kernel */
};

/* --- patience.c: waiting for a backend, which is quick, or complains, or never comes */
struct patience {
	struct cli *c;
	const char *kind; /* of the backend */
	uint32_t domid;
	char id[16];
	int64_t until, look; /* ms: when to give up, when to look for a complaint next */
	long nap_ns;
};
void patience_start(struct patience *p, struct cli *c, const char *kind, uint32_t domid,
		    unsigned int id);
/* A short nap, and longer ones later. Not 0: a complaint has come, or the time is up. */
int patience_wait(struct patience *p);

/* --- backend.c */
/* What the backend of a device complained of last, malloced; NULL: of nothing. */
char *device_complaint(struct cli *c, const char *kind, uint32_t domid, const char *id);
/* Has the backend still got one, whose nodes may be gone already? */
bool device_held(const char *kind, uint32_t domid, const char *id);
/* Is torc-blkd or torc-netd there? name: its directory below the one of what runs. */
bool device_daemon_runs(const char *name);

/* --- disk.c */
int disk_open(const struct config_disk *d, struct disk_source *s, struct why *why);
/* The same without taking anything: can it be opened? */
int disk_look(const struct config_disk *d, struct disk_source *s, struct why *why);
void disk_close(struct disk_source *s);
/* Write the nodes of both ends. In a transaction. hold: without those that the backend waits for
 * before it opens anything. */
int disk_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
	       const struct disk_source *s, bool hold);
/* Those. s is of disk_open(). */
int disk_release(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
		 const struct disk_source *s);
/* Wait until the backend has the device, so that loop_fd may be closed. */
int disk_wait(struct cli *c, uint32_t domid, const struct config_disk *d,
	      const struct disk_source *s);
/* Where a disk's backend is below /local/domain/0/backend. */
static inline const char *disk_backend(const struct disk_source *s)
{
	return s->user ? "qdisk" : "vbd";
}

/* --- claim.c: no image for two guests if one writes */
/* Takes it for this guest, whose backend directory is back, or says who has it. */
int claim_disk(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
	       const struct disk_source *s, const char *back);
void claim_drop(struct cli *c, store_txn_t t, const char *back);

/* --- nic.c */
int nic_check(const struct config_vif *v, struct why *why);
int nic_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_vif *v, bool hold);
/* A card that was held back: after nic_plug() where the kernel serves, before it where torc-netd
 * does. */
int nic_release(struct cli *c, store_txn_t t, uint32_t domid, const struct config_vif *v);
bool nic_kernel_serves(void);
/* Wait for the interface, name it, put it on its bridge, bring it up. */
int nic_plug(struct cli *c, uint32_t domid, const struct config_vif *v);

/* --- node.c */
/* The function's nodes land all or not at all; within it, the store is spoken to by what follows,
 * alone. */
int node_transact(struct cli *c, store_txn_fn *fn, void *arg, const char *doing);
bool node_bursts(struct cli *c); /* can c->burst be used? */
int node_put(struct cli *c, store_txn_t t, const char *path, const char *value, size_t len);
int node_perms(struct cli *c, store_txn_t t, const char *path, uint32_t owner, uint32_t reader);
char *node_read(struct cli *c, store_txn_t t, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int node_list(struct cli *c, store_txn_t t, const char *path, char ***names, size_t *count);
void node_rm(struct cli *c, store_txn_t t, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int node_write(struct cli *c, store_txn_t t, const char *dir, const char *name, const char *fmt,
	       ...) __attribute__((format(printf, 5, 6)));
/* A directory of its own permissions, which what is made below it inherits. */
int node_dir(struct cli *c, store_txn_t t, const char *path, uint32_t owner, uint32_t reader);

/* --- name.c */
/* In the transaction that names the domain so; -EEXIST: another has that name. */
int name_claim(struct cli *c, store_txn_t t, const char *name, uint32_t domid);
/* It is not this domain's any more. */
void name_drop(struct cli *c, store_txn_t t, const char *name, uint32_t domid);
int guest_rename(struct cli *c, uint32_t domid, const char *to);

/* --- nodes.c */
void node_remove_backend(struct cli *c, store_txn_t t, const char *back);
struct guest_nodes {
	const struct guest_config *config;
	const struct build *build;
	const struct disk_source *disks;
	uint32_t domid;
	bool hold; /* its disks and cards */
	bool late; /* where its store and console pages are, nobody knows yet: nodes_complete() */
};
/* Everything of a new guest, in one transaction; claims its name and uuid. */
int nodes_create(struct cli *c, const struct guest_nodes *g);
int nodes_complete(struct cli *c, const struct guest_nodes *g);
/*
 * A guest that stopped for good and is kept for looking at lets go of what its successor needs: its
 * devices, and its uuid, in the place of which it gets this one.
 */
int nodes_set_aside(struct cli *c, uint32_t domid, const uint8_t uuid[16]);
/* Everything of a guest that is gone. The kernel's backends let go when their nodes go. */
int nodes_remove(struct cli *c, uint32_t domid);

/* --- record.c: what torc why tells, kept in the state directory as NAME.json */
struct json_object *record_load(const char *name); /* or NULL */
int record_save(const char *name, struct json_object *record, struct why *why);
/* What a guest is made from. Kept in its record, so that it can be made again. */
/* A guest that comes with its memory, in the place of a kernel. */
struct guest_image {
	bool is_32bit;
	bool hold; /* it stays paused, and its disks and cards are not connected: guest_release()
		      does that */
	/* There is a domain, with nothing in it and nothing told of it yet; or NULL. */
	int (*made)(void *arg, uint32_t domid, struct why *why);
	/* Fill a domain that has no memory yet, and say in b where its store and console pages and
	 * ports are. */
	int (*fill)(void *arg, struct host *h, uint32_t domid, uint64_t max_pages, struct build *b,
		    struct why *why);
	void *arg;
};
struct guest_source {
	const char *path;	    /* of the config file, for messages */
	const char *text;	    /* of it */
	const char *overrides;	    /* lines, or NULL */
	bool quiet;		    /* no remarks on it: they were made the first time */
	struct json_object *events; /* what went before, if no record of its name tells; or NULL */
	const struct guest_image *image; /* or NULL: it boots */
};
struct json_object *record_new(const struct guest_config *g, const struct guest_source *from);
/* What the hypervisor refused a domain, as an array; NULL and a reason if it cannot be had. */
struct json_object *record_refusals(struct host *h, uint32_t domid, struct why *why);
void record_rename(const char *from, const char *to);
void supervisor_again_path(const char *name, char out[PATH_MAX]);
/* It is not to be made again: somebody ended it by hand, or it has been. False if nothing was
 * remembered, or somebody else forgot it first. */
bool supervisor_forget(const char *name);
bool supervisor_remembers(const char *name);
/* Note an event with the time: "built", "failed", "stopped", ... */
void record_event(struct json_object *record, const char *what, const char *detail);

/* --- create_command.c */
/* A config file's text, malloced. With a NUL it is none: what is behind that would not count. */
int guest_config_read(const char *file, char **text, struct why *why);

/* --- create.c */
int guest_create(struct cli *c, const struct guest_source *from, bool paused, bool dry,
		 uint32_t *domid);
/* Is there no guest of this name, nor this guest on another host? */
int guest_name_free(struct cli *c, const struct guest_config *g);
/* Has the host room for a guest of so many pages? */
int guest_room(struct cli *c, const char *name, uint64_t pages);

/* --- elsewhere.c: refuses a guest of this name or uuid if a migration of it has not come to its
 * end */
int guest_elsewhere(const char *name, const uint8_t uuid[16], struct why *why);
/* The same of one that is on its way, or may be taken up again. */
int guest_migrates(const char *uuid, struct why *why);

/* --- release.c: connect what was held back, as the guest's record says. What is connected already
 * stays so. */
int guest_release(struct cli *c, const char *name, uint32_t domid);

/* --- seed.c: a disk for cloud-init, from a directory's files; a dry run leaves one that is there
 * as it is */
int guest_seed(const char *dir, const struct guest_config *g, bool dry, char file[PATH_MAX],
	       struct why *why);
/* one that is free */
int guest_seed_vdev(const struct guest_config *g, char vdev[8], struct why *why);

/* --- describe.c: a config as JSON */
struct json_object *guest_describe(const struct guest_config *g, const struct build *b);

/* --- dump_core.c: its memory and registers into a file. It must not run meanwhile. */
int guest_dump(struct cli *c, uint32_t domid, const char *file, bool for_gdb);
int guest_dump_path(const char *name, char out[PATH_MAX]); /* where dumps usually go; -errno */
void dumping_clean_up(struct cli *c); /* let run what dumps that were killed left paused */

/* --- mark.c: a file RUN/KIND/DOMID, held by who does something to a domain */
#define MARK_MOST (PATH_MAX + 128) /* bytes of its text */
/* Its file, or -errno; -EEXIST: another holds it. */
int mark_begin(const char *kind, uint32_t domid, const char *text);
void mark_end(const char *kind, int fd, uint32_t domid);
void mark_leave(int fd);			     /* instead: who cleans up is to see to it */
bool mark_is_held(const char *kind, uint32_t domid); /* one that nobody holds is taken away */
/* Those that nobody holds. when: as old as they are. true: it can go. */
typedef bool mark_fn(struct cli *c, uint32_t domid, const char *text, time_t when);
void mark_each_left(struct cli *c, const char *kind, mark_fn *fn);

/* --- creating.c: a mark on a domain that is being made or ended, held by who does it. -1: none can
 * be made */
int creating_begin(uint32_t domid, const uint8_t uuid[16]);
void creating_end(int fd, uint32_t domid);
void creating_leave(int fd); /* instead: its domain could not be ended, and who cleans up is to */
void creating_clean_up(struct cli *c); /* end what creates that were killed left */

/* --- saving.c: a mark on a domain that is being saved, which may be moved or saved by nobody else.
 * part: the file, where the domain ends with it; or NULL. *mark: below 0, none can be made */
int saving_begin(struct cli *c, uint32_t domid, int fd, const char *part, int *mark);
void saving_asked(int mark); /* to suspend itself, just now */
/* What is suspended yet, or may follow the question yet, is left to who cleans up. */
void saving_end(struct cli *c, uint32_t domid, int mark, bool may_follow);
int saving_none(uint32_t domid, struct why *why); /* refuses one that is being saved */
void saving_clean_up(struct cli *c);

/* --- supervisor.c: make sure that somebody acts on guests that stop */
bool supervisor_runs(void);
/* Of the one that runs. If another does: -1 and EWOULDBLOCK, or wait for its end. */
int supervisor_lock(bool wait);
void supervisor_start(void);
/* For who cannot start programs: one is started, if none runs, whenever something can be read.
 * Until there is nobody any more who could write. */
int supervisor_on_request(int fd);

/* --- console.c: until the user leaves or the guest ends */
int console_attach(struct cli *c, uint32_t domid, bool replay, bool read_only);

/* --- lifecycle.c */
/* End a domain and all that is left of it. */
int guest_destroy(struct cli *c, uint32_t domid, const char *reason);

#endif
