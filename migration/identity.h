/* SPDX-License-Identifier: BSD-2-Clause */
/* What links need of keys and certificates. Others use link.h. */
#ifndef TORC_MIGRATION_IDENTITY_H
#define TORC_MIGRATION_IDENTITY_H

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "migration/link.h"

/* A pair valid from `from` to `until`, in seconds from now; identity_load() makes one for 20 years. */
int identity_make(struct identity **id, long from, long until, struct why *why);

int identity_use(const struct identity *id, SSL_CTX *ctx);
int certificate_fingerprint(X509 *cert, uint8_t fp[FINGERPRINT_SIZE]);
char *certificate_pem(X509 *cert); /* malloced, or NULL */

#endif
