/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest on its way to a file or another host, and back (image.c). */
#ifndef TORC_CLI_IMAGE_H
#define TORC_CLI_IMAGE_H

#include "dom0-tools/cli/guest.h"
#include "migration/engine.h"

/* --- suspend.c */
#define SUSPEND_S 60 /* a guest that has not suspended by then will not */
/* Have the guest suspend itself, and wait for it. If it fails the request is taken back; one that
 * was heard may still be followed. */
int guest_suspend(struct cli *c, uint32_t domid, struct why *why);
/* The same in two steps. It must not be asked twice: it would suspend again when it goes on. */
int guest_suspend_ask(struct cli *c, uint32_t domid, struct why *why);
int guest_suspend_wait(struct cli *c, uint32_t domid, struct why *why);
/* true: it was there to be taken back, so that the guest has not heard it, or is just about to. */
bool guest_suspend_cancel(struct cli *c, uint32_t domid);

/* --- image.c */
/* What stands in front of the image (saved.h): the guest's record, with its config. */
int image_write_front(struct cli *c, struct mig_io *io, const char *name);
int image_read_front(struct cli *c, struct mig_io *io, struct json_object **record);

/* The config as a source to make the guest from. *lines: to be freed afterwards, also after a
 * failure. */
int image_source(struct cli *c, struct json_object *record, const char *from,
		 struct guest_source *s, char **lines);

/* From the image on: a guest made of it. */
struct image_in {
	struct json_object *record;
	const char *from; /* for messages */
	bool paused;	  /* it stays so */
	bool deltas;	  /* the sender was told that pages may come as what differs */
	bool hold;	  /* its disks and cards are not connected: guest_release() does that */
	/* there is a domain, of which nothing is told yet: who is to end it if nothing comes of it
	 * can note that; or NULL */
	int (*made)(void *arg, uint32_t domid, struct why *why);
	void (*begun)(void *arg); /* it has a record and a name, and no memory yet; or NULL */
	int (*progress)(void *arg, const struct mig_progress *p); /* or NULL */
	void *arg;
	struct mig_outcome figures; /* afterwards */
};
int image_receive(struct cli *c, struct mig_io *io, struct image_in *in, uint32_t *domid);

#endif
