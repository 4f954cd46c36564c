/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What torc migrate and torc-migrated say to each other over RUN/migrated.sock: one JSON object a
 * line. The command sends one request; the daemon answers with events of the schema
 * torc-migration/1, the last of which is "done" or "error". A command that goes away gives the
 * migration up, as long as the guest is not handed over.
 */
#ifndef TORC_MIGRATED_PROTOCOL_H
#define TORC_MIGRATED_PROTOCOL_H

#define MIGRATED_SOCKET	 "migrated.sock"
#define MIGRATED_MOST	 8192	      /* bytes of a line */
#define MIGRATED_RECORDS "migrations" /* below the state directory */

#endif
