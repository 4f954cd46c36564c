/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest suspends itself: it is asked, waited for, and the request taken back if it does not. */
#include "dom0-tools/cli/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct request {
	uint32_t domid;
	bool there;
};

static int take_request_back(struct store *s, store_txn_t t, void *arg)
{
	char path[STORE_PATH_MAX], *word = NULL;
	struct request *r = arg;

	store_path(path, "/local/domain/%u/control/shutdown", r->domid);
	r->there = store_read(s, t, path, &word, NULL) == 0 && strcmp(word, "suspend") == 0;
	free(word);
	return r->there ? store_write(s, t, path, "", 0) : 0;
}

bool guest_suspend_cancel(struct cli *c, uint32_t domid)
{
	struct request r = { .domid = domid };

	return store_transact(c->store, take_request_back, &r) == 0 && r.there;
}

int guest_suspend_ask(struct cli *c, uint32_t domid, struct why *why)
{
	struct domain_info info;
	char path[STORE_PATH_MAX];
	int rc = host_domain_info(c->host, domid, &info, why);

	if (!rc && info.debugged)
		return why_hint(why,
				why_set(why, TE_STATE,
					"domain %u is being debugged: breakpoints would go along",
					domid),
				"detach the debugger; if it was killed, torc unpause");
	if (!rc && info.paused)
		return why_hint(why,
				why_set(why, TE_STATE,
					"domain %u is paused: it cannot suspend itself", domid),
				"torc unpause");
	store_path(path, "/local/domain/%u/control/shutdown", domid);
	if (!rc && !info.shutdown && store_write(c->store, STORE_NO_TXN, path, "suspend", 7))
		rc = cli_store_failed(c, "cannot ask the guest to suspend");
	return rc;
}

int guest_suspend_wait(struct cli *c, uint32_t domid, struct why *why)
{
	struct domain_info info;
	uint64_t until = mig_now_ns() + SUSPEND_S * 1000000000ull;
	bool given_up = false;
	int rc = host_domain_info(c->host, domid, &info, why);

	while (!rc && !info.shutdown && !info.dying) {
		struct timespec nap = { .tv_nsec = 500000 };

		if (mig_now_ns() > until) {
			guest_suspend_cancel(c, domid);
			return why_hint(why,
					why_set(why, TE_TIMEOUT,
						"domain %u did not suspend within %u s", domid,
						SUSPEND_S),
					"its kernel may lack support for it; it runs on");
		}
		/* one that has heard the request cannot be called back: it goes on afterwards */
		if (!given_up && c->given_up && *c->given_up) {
			given_up = true;
			if (guest_suspend_cancel(c, domid))
				return why_set(why, TE_STATE,
					       "domain %u was to suspend: given up by the user",
					       domid);
		}
		nanosleep(&nap, NULL);
		rc = host_domain_info(c->host, domid, &info, why);
	}
	if (!rc && (info.dying || info.reason != SHUT_SUSPEND))
		rc = why_set(why, TE_STATE, "domain %u stopped instead of suspending (%s)", domid,
			     cli_reason_word(info.reason));
	return rc;
}

int guest_suspend(struct cli *c, uint32_t domid, struct why *why)
{
	int rc = guest_suspend_ask(c, domid, why);

	return rc ? rc : guest_suspend_wait(c, domid, why);
}
