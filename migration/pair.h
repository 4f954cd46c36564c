/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How two hosts come to know each other: over a connection that is safe but with nobody sure of
 * whom, both show a code, and people compare. One side commits itself to its number before it sees
 * the other's, so that somebody between the two has one guess in a million, and a failed guess is
 * seen.
 */
#ifndef TORC_MIGRATION_PAIR_H
#define TORC_MIGRATION_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "migration/channel.h"

#define PAIR_NONCE_SIZE 32
#define PAIR_CODE_SIZE	8    /* "123 456" */
#define MIGRATE_PORT	8102 /* torc-migrated listens there */
#define PAIR_PORT	8103

/* What both show. first is the side that dialled. */
int pair_code(const uint8_t nonce_first[PAIR_NONCE_SIZE],
	      const uint8_t nonce_second[PAIR_NONCE_SIZE], const uint8_t fp_first[FINGERPRINT_SIZE],
	      const uint8_t fp_second[FINGERPRINT_SIZE], char code[PAIR_CODE_SIZE]);

/* Shows the code, and says whether it is the same on the other host. */
typedef bool pair_same(void *arg, const char *code);

/* 0 if both sides said yes: pin then, not before. first: the side that dialled. deadline_ns: for
 * people, too. */
int pair_talk(struct channel *c, bool first, const uint8_t own[FINGERPRINT_SIZE],
	      const uint8_t peer[FINGERPRINT_SIZE], pair_same *same, void *arg,
	      uint64_t deadline_ns, struct why *why);

/* --- those that are known: dir/NAME.pem is the pin, dir/NAME.json what else is known */
struct pin {
	char name[64];
	char address[128];
	char paired[32]; /* when, UTC */
	uint8_t fingerprint[FINGERPRINT_SIZE];
};
int pin_add(const char *dir, const struct pin *p, const char *pem, struct why *why);
/* It is reached elsewhere from now on; who it is stays. */
int pin_move(const char *dir, const char *name, const char *address, struct why *why);
int pin_get(const char *dir, const char *name, struct pin *p, struct why *why);
int pin_remove(const char *dir, const char *name, struct why *why);
/* All that can be read; one that cannot be is an error then, and not one less. */
int pin_each(const char *dir, int (*fn)(void *arg, const struct pin *p), void *arg, struct why *why);
/* Whose certificate is it? -ENOENT: nobody's. */
int pin_find(const char *dir, const uint8_t fingerprint[FINGERPRINT_SIZE], struct pin *p,
	     struct why *why);

#endif
