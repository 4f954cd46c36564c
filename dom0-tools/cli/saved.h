/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved guest as a file: 16 bytes of head, then records of 8 bytes of head (type, length) and a
 * body padded to 8, then the domain's image as the published stream. Records with the high bit of
 * their type set may be passed over.
 */
#ifndef TORC_CLI_SAVED_H
#define TORC_CLI_SAVED_H

#include <stdint.h>

#define SAVED_MAGIC    "TORCSAVE"
#define SAVED_VERSION  1u
#define SAVED_IMAGE    1u /* no body: the image begins */
#define SAVED_CONFIG   2u /* JSON: the guest's record, with its config */
#define SAVED_OPTIONAL 0x80000000u
#define SAVED_MAX      (16u << 20) /* bytes of a record; record.c keeps none that are longer */

struct saved_head {
	char magic[8];
	uint32_t version, reserved;
};
struct saved_record {
	uint32_t type, length;
};

#endif
