/* SPDX-License-Identifier: BSD-2-Clause */
/* A door to no hypervisor: pages in memory, states that the test sets. */
#ifndef TESTS_FUZZ_STORE_DOOR_H
#define TESTS_FUZZ_STORE_DOOR_H

#include <stdint.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "xenbus/store/door.h"

#define FAKE_DOMAINS 8
extern struct xenstore_domain_interface fake_ring[FAKE_DOMAINS];
extern enum domain_state fake_state[FAKE_DOMAINS];
void fake_reset(void);

#endif
