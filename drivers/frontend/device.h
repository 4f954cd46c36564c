/* SPDX-License-Identifier: BSD-2-Clause */
/* A xenbus device seen from its frontend: finding it, publishing, and stepping through the states
 * with the other half. */
#ifndef FRONTEND_DEVICE_H
#define FRONTEND_DEVICE_H

#include "os.h"
#include "store.h"
#include "xenbus/state/xenbus.h"

struct device {
	char front[64];		    /* our directory, relative to our home: "device/vbd/51712" */
	char back[XENBUS_PATH_MAX]; /* the backend's, as our directory names it */
	unsigned long id;
	domid_t backend;
	XenbusState mine;
};

/* The n-th device of a type, counted from 0: its number, or a negative error. */
long device_find(const char *type, unsigned int n);
int device_open(struct device *d, const char *type, unsigned long id);
/* Looks again where the backend is, and starts anew: after a resume it is another one. */
int device_reopen(struct device *d);

/* Publishes "front/leaf". */
int device_put(struct device *d, store_txn_t t, const char *leaf, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A number of the backend's directory, or otherwise. */
uint64_t device_get(struct device *d, const char *leaf, uint64_t otherwise);

int device_state(struct device *d, store_txn_t t, XenbusState state);
/*
 * Waits until the state machine asks for this step. -XEN_ENODEV if it asks for the device's end
 * instead, -XEN_ETIMEDOUT after ms.
 */
int device_await(struct device *d, enum xenbus_step step, unsigned int ms);
/* Closing, then Closed, until the backend has let go or ms have passed at either. */
void device_close(struct device *d, unsigned int ms);

#define DEVICE_PATIENCE_MS 20000

#endif
