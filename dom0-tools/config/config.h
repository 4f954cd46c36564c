/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest as its file describes it: checked, with defaults, ready to be built. */
#ifndef TORC_CONFIG_CONFIG_H
#define TORC_CONFIG_CONFIG_H

#include "dom0-tools/config/parse.h"

#define CONFIG_MAX_DISKS 64
#define CONFIG_MAX_VIFS	 32
#define CONFIG_MAX_NAME	 63u

enum guest_action {
	ACT_DESTROY,
	ACT_RESTART,
	ACT_RENAME_RESTART,
	ACT_PRESERVE,
	ACT_COREDUMP_DESTROY,
	ACT_COREDUMP_RESTART,
	ACT_SOFT_RESET,
};

struct config_disk {
	char *target;	   /* file or device in dom0, or an address such as nbd://... */
	char *format;	   /* raw */
	char *vdev;	   /* as the guest sees it: xvda */
	char *backendtype; /* phy (in the kernel), torc; or NULL: whichever fits */
	char *script;
	unsigned int number; /* vdev, as the ABI numbers it */
	bool writable, access_given;
	bool cdrom;
	bool no_discard, direct_io_safe;
	bool untrusted;	    /* what the frontend is told about its backend */
	bool guard, routed; /* no forged sources; a way to ip= instead of a bridge */
};

struct config_vif {
	char *bridge, *vifname, *ip, *script, *backend, *type, *model;
	uint8_t mac[6];
	bool mac_given;
	bool untrusted;	    /* what the frontend is told about its backend */
	bool guard, routed; /* no forged sources; a way to ip= instead of a bridge */
	unsigned int mtu;
	uint32_t rate_bytes, rate_us; /* so much each so often may leave the guest; 0: no limit */
	int devid;		      /* -1: the next free one */
};

/* A set of processors as written ("0-3,^1", "all"), one for all vCPUs or one each. */
struct config_cpus {
	char **text;
	size_t count;
};

struct guest_config {
	char *name, *type, *builder, *kernel, *ramdisk, *cmdline, *root, *extra, *bootloader,
		*firmware, *pool;
	uint8_t uuid[16];
	bool uuid_given;
	uint64_t memory, maxmem; /* MiB */
	uint64_t vcpus, maxvcpus;
	struct config_cpus cpus, cpus_soft;
	uint64_t cpu_weight, cap; /* 0: the scheduler's default */
	struct config_disk disks[CONFIG_MAX_DISKS];
	size_t nr_disks;
	struct config_vif vifs[CONFIG_MAX_VIFS];
	size_t nr_vifs;
	enum guest_action on_poweroff, on_reboot, on_crash, on_watchdog, on_soft_reset;
	uint64_t max_grant_frames, max_maptrack_frames, event_channels; /* 0: default */
	uint64_t rtc_timeoffset;
	bool localtime;
	char *command_line; /* from cmdline, or root and extra */
};

/* Told of everything that is accepted but worth a word; text is complete with file and line. */
typedef void config_warn_fn(void *arg, const char *text);

/*
 * Fill in g from the file's text, then from the overrides ("key=value" lines, or NULL). A key of
 * the overrides takes the place of the file's. name is the file's, for messages.
 */
int config_load(struct guest_config *g, const char *name, const char *text, size_t len,
		const char *overrides, config_warn_fn *warn, void *arg, struct why *why);
/* The same without overrides, for tests and fuzzers. */
int config_from_text(struct guest_config *g, const char *name, const char *text, size_t len,
		     config_warn_fn *warn, void *arg, struct why *why);
void config_free(struct guest_config *g);

/* Can it be a guest's name? -EINVAL */
int config_name_check(const char *name, struct why *why);
/*
 * Overrides, malloced, by which a guest is made again: these (or NULL), and that it is the same
 * one, by the name that it has by now (NULL: that of its file) and its uuid. Of their own they do
 * not grow.
 */
char *config_again(const char *overrides, const char *name, const char *uuid);

const char *config_action_name(enum guest_action a);
int config_action_parse(const char *text, enum guest_action *a); /* -EINVAL */

/* --- one device, as block-attach and network-attach give it too */
int config_disk_parse(struct config_disk *d, const char *text, struct why *why);
void config_disk_free(struct config_disk *d);
int config_vif_parse(struct config_vif *v, const char *text, struct why *why);
void config_vif_free(struct config_vif *v);
/* An address of the guest's own: from its uuid and the card's devid, the same at every start. */
void config_vif_mac(struct config_vif *v, const uint8_t uuid[16]);
/* xvda1, sdb, hdc, d5p2 or a plain number to the ABI's number. -EINVAL */
int config_vdev_number(const char *vdev, unsigned int *number);
int config_uuid_parse(const char *text, uint8_t uuid[16]); /* -EINVAL */
int config_uuid_make(uint8_t uuid[16], struct why *why);   /* a random one */
void config_uuid_format(char out[37], const uint8_t uuid[16]);
/* "0-3,^1", "all", "node" words refused; bits of cpus[]. */
int config_cpus_parse(const char *text, uint8_t *cpus, size_t bytes, struct why *why);
/* The same, of a host with so many processors: one of these must be among them. */
int config_cpus_among(const char *text, uint32_t host, uint8_t *cpus, size_t bytes, struct why *why);

/* The known word nearest to what was written, or NULL if none is near. */
const char *config_near(const char *word, const char *const *known, size_t count);

/* The table, for help and manual. kind: 'k' used, 'i' ignored, 'r' refused. */
struct config_key {
	const char *key, *type, *text;
	char kind;
	uint64_t least, most;
};
extern const struct config_key config_keys[];
extern const size_t config_key_count;

#endif
