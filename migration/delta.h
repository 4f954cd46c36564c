/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a page has become, as what differs from what it was: runs of 8 bytes each. A run is how many
 * of them stay as they are before it and how many are new (two 16-bit numbers, little-endian), and
 * then the new ones. Two pages that are equal have a delta of no bytes. Pure functions.
 */
#ifndef TORC_MIGRATION_DELTA_H
#define TORC_MIGRATION_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELTA_PAGE 4096u
#define DELTA_MOST 2048u    /* bytes: a longer one saves too little for what it costs */
#define DELTA_DEAR SIZE_MAX /* the page goes in full */

/* The length of the delta, in out, which has this much room; or DELTA_DEAR: it has not. */
size_t delta_make(const void *was, const void *is, uint8_t *out, size_t room);
/* The delta may be anybody's: false, and the page is as it was, if it is damaged. */
bool delta_apply(void *page, const uint8_t *delta, size_t len);

#endif
