/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns: how those who lost a conflict get through (see txn.h). */
#ifndef XENBUS_STORE_TURN_H
#define XENBUS_STORE_TURN_H

#include "xenbus/store/conn.h"

/*
 * A transaction begins: false if the connection lost before and others who lost there are first. It
 * is woken.
 */
bool turn_take(struct conn *c);
/*
 * A change to path: true if it has to wait, because somebody who lost often has the turn there. It
 * is woken.
 */
bool turn_blocks(struct conn *c, const char *path, size_t len);
/* a conflict at path (NULL: nowhere in particular) */
void turn_lost(struct conn *c, const char *path);
void turn_won(struct conn *c);
void turn_pass(struct conn *c);	 /* its transaction ended: the next, please */
void turn_leave(struct conn *c); /* the connection goes */
/* Take turns away that last too long. Seconds until there may be one again; 0: nobody waits. */
double turn_check(struct server *sv);

#endif
