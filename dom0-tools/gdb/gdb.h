/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest under gdb. packet.c takes the remote protocol's bytes apart, stub.c and query.c answer,
 * target.c is the guest as they see it: processors that run and stop, memory (memory.c), registers
 * (regs.c), breakpoints (points.c). journal.c lets go of a guest whose stub was killed; serve.c is
 * the connection. Only serve.c knows descriptors.
 *
 * The peer is believed nothing: it may send any bytes. So may the guest: its tables, its registers.
 */
#ifndef TORC_GDB_GDB_H
#define TORC_GDB_GDB_H

#include "dom0-tools/host/host.h"

#define PACKET_MAX 0x4000u /* what a packet may hold, either way; PacketSize says so */

/* --- packet.c */
enum packet_kind {
	PACKET_MORE,	  /* not whole yet */
	PACKET_WHOLE,	  /* in data, len; a zero behind it */
	PACKET_DAMAGED,	  /* its sum is wrong or it is too long */
	PACKET_INTERRUPT, /* Ctrl-C */
	PACKET_AGAIN,	  /* the peer wants the last one once more */
};
struct packet {
	char data[PACKET_MAX + 1];
	size_t len;
	enum { AT_NOTHING, AT_DATA, AT_SUM1, AT_SUM2 } at;
	uint8_t sum, want;
	bool too_long;
};
enum packet_kind packet_take(struct packet *p, uint8_t byte);
/* A packet of these bytes, escaped and with its sum. room: 2 * len + 4. Returns its length. */
size_t packet_make(char *out, const char *data, size_t len);

/* Text that is being read, and written. What does not fit sets `full`. */
struct reply {
	char data[PACKET_MAX];
	size_t len;
	bool full;
};
void reply_add(struct reply *r, const void *data, size_t len);
void reply_say(struct reply *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void reply_hex(struct reply *r, const void *data, size_t len);
/* Hexadecimal at *s, which moves on. False: there is no digit, or it does not fit 64 bits. */
bool take_hex(const char **s, uint64_t *value);
bool take_char(const char **s, char c);
bool take_word(const char **s, const char *word);
/* Bytes of two digits each; false: they are not. */
bool hex_bytes(const char *s, size_t len, uint8_t *out);

/* --- target.c */
#define TARGET_VCPUS_MAX 512u
#define NO_VCPU		 UINT32_MAX

enum stop {
	STOP_NONE,
	STOP_BREAKPOINT,
	STOP_STEP,
	STOP_INTERRUPT,
	STOP_CRASHED, /* the guest stopped for good; it can be looked at */
	STOP_EXITED,
	STOP_GONE, /* there is no such domain any more */
};
enum action { ACTION_NONE, ACTION_CONTINUE, ACTION_STEP };

/* Where a step was made: by that it is known again if it ends elsewhere. */
struct step {
	bool user;
	uint64_t roots[2];
};
#define OWED_MAX 16u

struct target_vcpu {
	void *context; /* of the guest's width; NULL: not read since the last stop */
	bool changed;
	bool held; /* by the hypervisor, for us */
	bool stepping, had_tf;
	struct step step;
	enum action action;
	uint64_t range_from, range_to; /* a step goes on while it is in there */
};
struct point;
struct target_frame;
struct journal;
struct target {
	struct host *h;
	uint32_t domid;
	bool is_64;
	bool attached, running;
	bool was_paused, went_on; /* when we came; since then */
	bool crash_told;
	unsigned int nr_vcpus;
	struct target_vcpu *vcpus;
	struct target_frame *frames; /* memory.c: mapped for reading, until the guest runs */
	struct point *points;
	struct step owed[OWED_MAX]; /* flags with our TF that lie on the guest's stacks */
	unsigned int nr_owed;
	uint64_t exit_code;
	struct journal *journal;
};

int target_attach(struct target *t, struct host *h, uint32_t domid, struct why *why);
/* The guest is as it was before, but for what the peer wrote; it runs, or stands if it stood and
 * never ran. */
void target_detach(struct target *t);
/* Each vCPU does what its action says; those with none stand still. */
int target_resume(struct target *t, struct why *why);
/* Has something happened? Then the guest stands, *vcpu is who did it. */
enum stop target_poll(struct target *t, uint32_t *vcpu);
enum stop target_interrupt(struct target *t, uint32_t *vcpu);
/* NULL: no such vCPU, or it was never started. */
void *target_context(struct target *t, uint32_t vcpu);
void target_changed(struct target *t, uint32_t vcpu);

/* --- memory.c. Addresses are a vCPU's; the length done is returned. */
bool memory_find(struct target *t, uint32_t vcpu, uint64_t va, uint64_t *mfn, unsigned int *offset);
size_t memory_read(struct target *t, uint32_t vcpu, uint64_t va, void *data, size_t len);
size_t memory_write(struct target *t, uint32_t vcpu, uint64_t va, const void *data, size_t len);
/* One byte of a frame, as it is there. */
bool memory_get(struct target *t, uint64_t mfn, unsigned int offset, uint8_t *byte);
bool memory_put(struct target *t, uint64_t mfn, unsigned int offset, uint8_t byte);
void memory_forget(struct target *t); /* what is mapped */

/* --- points.c: breakpoints. A frame that is mapped at two addresses has the breakpoint at both. */
#define POINTS_MAX 1024u
struct point {
	uint64_t va, mfn;
	uint16_t offset;
	uint8_t before; /* what stood there */
	bool used;
};
/* 0, -EFAULT: no memory there that could be written; -ENOSPC; -ENOENT */
int point_insert(struct target *t, uint32_t vcpu, uint64_t va);
int point_remove(struct target *t, uint64_t va);
void points_remove_all(struct target *t);
struct point *point_at(struct target *t, uint64_t mfn, unsigned int offset);
bool point_wanted(struct target *t, uint64_t va);
/* The guest's own bytes in the place of ours, and the other way round: bytes that are written land
 * below ours. */
void points_hide(struct target *t, uint64_t mfn, unsigned int offset, uint8_t *data, size_t len);
void points_keep(struct target *t, uint64_t mfn, unsigned int offset, uint8_t *data, size_t len);
/* Put the guest's byte there, and ours again. */
void point_lift(struct target *t, const struct point *p);
void point_lower(struct target *t, const struct point *p);

/* --- regs.c */
size_t regs_context_size(const struct target *t);
uint64_t regs_ip(const struct target *t, const void *context);
void regs_set_ip(const struct target *t, void *context, uint64_t ip);
uint64_t regs_flags(const struct target *t, const void *context);
void regs_set_flags(const struct target *t, void *context, uint64_t flags);
uint64_t regs_dr6(const struct target *t, const void *context);
void regs_clear_dr6(const struct target *t, void *context, uint64_t bits);
bool regs_in_kernel(const struct target *t, const void *context);
/* Roots of the page tables, the likelier first; 0: none. */
void regs_roots(const struct target *t, const void *context, uint64_t mfn[2]);
unsigned int regs_count(const struct target *t);
/* In gdb's order. The value has the size that the description says; at most 16 bytes. Returns it,
 * 0: no such register. */
size_t regs_get(const struct target *t, const void *context, unsigned int n, uint8_t value[16]);
size_t regs_set(const struct target *t, void *context, unsigned int n, const uint8_t value[16]);
/* The description, malloced; NULL: no memory. */
char *regs_describe(const struct target *t);

/* --- journal.c: what must be undone if we cannot do it any more */
int journal_open(struct target *t, const uint8_t uuid[16], struct why *why);
void journal_close(struct target *t); /* nothing is left to undo */
/* 1: a stub left it, and what it did is in t; 0: none did. TE_STATE: the stub lives. */
int journal_load(struct target *t, const uint8_t uuid[16], struct why *why);
int journal_point(struct target *t, unsigned int slot); /* points[slot], as it is now */
void journal_step(struct target *t, uint32_t vcpu, bool on);
/* A guest whose stub was killed, undone by its journal. It stays paused. 1: there was one, 0: not.
 * TE_STATE: the stub lives. */
int gdb_recover(struct host *h, uint32_t domid, struct why *why);

/* --- stub.c */
struct stub {
	struct target *t;
	struct packet in;
	struct reply r;
	uint8_t *out; /* for the peer */
	size_t out_len, out_room;
	char *last; /* packet, for PACKET_AGAIN */
	size_t last_len;
	char *description;
	bool no_ack, swbreak;
	bool over;		    /* the peer has left, or there is nothing to debug */
	uint32_t about, running_as; /* vCPU of Hg; of Hc, NO_VCPU: all */
	uint32_t thread_next;
	enum stop stop;
	uint32_t stop_vcpu;
};
int stub_init(struct stub *s, struct target *t);
void stub_free(struct stub *s);
void stub_input(struct stub *s, const uint8_t *data, size_t len);
void stub_poll(struct stub *s);
/* query.c: packets with names. False: none of its. */
bool query(struct stub *s, const char *p);
void stub_stop_reply(struct stub *s);

/* --- serve.c */
struct gdb_serve {
	int listen; /* accept one peer there; -1: talk through in and out */
	int in, out;
};
int gdb_serve(struct host *h, uint32_t domid, const struct gdb_serve *how, struct why *why);
/* A socket for "[ADDRESS]:PORT"; this machine alone without an address. */
int gdb_listen(const char *where, int *fd, struct why *why);

#endif
