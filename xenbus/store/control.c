/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control commands: what administrators see and turn. Lists are JSON in pages:
 * {"items":[...],"next":N or null}, N being the argument that gives the next page.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <utlist.h>

#include "xenbus/store/domain.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/takeover.h"

struct control {
	struct conn *c;
	struct request *rq;
	unsigned argc;
	const char *argv[8];
};

static int answer(struct control *ct, const char *text)
{
	size_t len = strlen(text) + 1;

	if (len > XENSTORE_PAYLOAD_MAX)
		return refuse(ct->c, -E2BIG, "control %s: the answer has %zu bytes", ct->argv[0],
			      len);
	conn_reply(ct->c, ct->rq, text, len);
	return 0;
}

static int answer_json(struct control *ct, json_object *o)
{
	int rc = answer(ct, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));

	json_object_put(o);
	return rc;
}

static json_object *quotas_of(struct server *sv, const struct account *a)
{
	json_object *o = json_object_new_object(), *q;
	const int64_t used[NR_QUOTAS] = { [QUOTA_NODES] = a->nodes,
					  [QUOTA_WATCHES] = a->watches,
					  [QUOTA_TXNS] = a->txns,
					  [QUOTA_MEMORY] = a->memory };
	int i;

	for (i = 0; i < NR_QUOTAS; i++) {
		q = json_object_new_object();
		if (i == QUOTA_NODES || i == QUOTA_WATCHES || i == QUOTA_TXNS || i == QUOTA_MEMORY)
			json_object_object_add(q, "used", json_object_new_int64(used[i]));
		if (a->domid != PRIVILEGED_DOMID)
			json_object_object_add(q, "limit",
					       json_object_new_int64(quota_limit(sv, a, i)));
		if (a->refused[i])
			json_object_object_add(q, "refused", json_object_new_int64(a->refused[i]));
		if (json_object_object_length(q))
			json_object_object_add(o, quota_name(i), q);
		else
			json_object_put(q);
	}
	return o;
}

static json_object *describe_conn(const struct conn *c)
{
	json_object *o = json_object_new_object();
	const struct domain *d = domain_of(c);
	unsigned watches = 0, txns = 0;

	json_object_object_add(o, "id", json_object_new_int64(c->id));
	json_object_object_add(o, "kind", json_object_new_string(c->ops->kind));
	json_object_object_add(o, "domid", json_object_new_int(c->domid));
	if (c->target != NO_DOMAIN)
		json_object_object_add(o, "target", json_object_new_int(c->target));
	if (c->pid)
		json_object_object_add(o, "pid", json_object_new_int(c->pid));
	if (d)
		json_object_object_add(o, "state",
				       json_object_new_string(c->closing ? "cut off" : "connected"));
	conn_usage(c, &watches, &txns);
	json_object_object_add(o, "watches", json_object_new_int(watches));
	json_object_object_add(o, "transactions", json_object_new_int(txns));
	json_object_object_add(o, "requests", json_object_new_int64(c->nr_requests));
	json_object_object_add(o, "refused", json_object_new_int64(c->nr_refused));
	json_object_object_add(o, "conflicts", json_object_new_int64(c->nr_conflicts));
	json_object_object_add(o, "events", json_object_new_int64(c->nr_events));
	json_object_object_add(o, "pending_bytes", json_object_new_int64(bytes_len(&c->out)));
	if (c->parked)
		json_object_object_add(o, "waits_for_turn", json_object_new_boolean(true));
	if (c->why[0])
		json_object_object_add(o, "last_refusal", json_object_new_string(c->why));
	return o;
}

static json_object *describe_domain(struct server *sv, const struct account *a)
{
	json_object *o = json_object_new_object();
	struct domain *d = domain_find(sv, a->domid);

	json_object_object_add(o, "domid", json_object_new_int(a->domid));
	json_object_object_add(o, "introduced", json_object_new_boolean(d != NULL));
	if (d) {
		json_object_object_add(o, "shutdown", json_object_new_boolean(d->shutdown));
		json_object_object_add(o, "event_channel", json_object_new_int64(d->remote_port));
	}
	json_object_object_add(o, "quotas", quotas_of(sv, a));
	return o;
}

struct page {
	struct control *ct;
	json_object *items;
	size_t size;
	int64_t from, at, next; /* next -1: the list ends here */
};

/* Takes o. False: the page is full. */
static bool page_add(struct page *p, json_object *o)
{
	size_t len;

	if (p->at < p->from) {
		p->at++;
		json_object_put(o);
		return true;
	}
	len = strlen(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN)) + 1;
	if (p->size + len > XENSTORE_PAYLOAD_MAX - 64 && p->at > p->from) {
		p->next = p->at;
		json_object_put(o);
		return false;
	}
	p->size += len;
	p->at++;
	json_object_array_add(p->items, o);
	return true;
}

static struct page page_begin(struct control *ct)
{
	return (struct page){ .ct = ct,
			      .items = json_object_new_array(),
			      .next = -1,
			      .from = ct->argc > 1 ? strtoll(ct->argv[1], NULL, 10) : 0 };
}

static int page_end(struct page *p)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "items", p->items);
	json_object_object_add(o, "next", p->next < 0 ? NULL : json_object_new_int64(p->next));
	return answer_json(p->ct, o);
}

static int ctl_connections(struct control *ct)
{
	struct page p = page_begin(ct);
	struct conn *c;

	DL_FOREACH (ct->c->sv->conns, c)
		if ((!c->closing || domain_of(c)) && !page_add(&p, describe_conn(c)))
			break;
	return page_end(&p);
}

static int ctl_domains(struct control *ct)
{
	struct page p = page_begin(ct);
	struct account *a;

	for (a = ct->c->sv->accounts; a; a = a->hh.next)
		if (!page_add(&p, describe_domain(ct->c->sv, a)))
			break;
	return page_end(&p);
}

static int ctl_quota(struct control *ct)
{
	struct server *sv = ct->c->sv;
	char out[XENSTORE_PAYLOAD_MAX], *end = NULL;
	int64_t value, domid = -1;
	size_t len = 0;
	int q;

	if (ct->argc == 1 || (ct->argc == 2 && strcmp(ct->argv[1], "set"))) {
		struct account *a =
			ct->argc == 2 ? account_find(sv, strtoul(ct->argv[1], &end, 10)) : NULL;

		if (ct->argc == 2 && (!a || *end))
			return refuse(ct->c, -ENOENT, "domain %.20s owns nothing here", ct->argv[1]);
		if (a)
			return answer_json(ct, quotas_of(sv, a));
		for (q = 0; q < NR_QUOTAS; q++)
			len += snprintf(out + len, sizeof(out) - len, "%-18s %8" PRId64 "  %s\n",
					quota_name(q), sv->limit[q], quota_text(q));
		return answer(ct, out);
	}
	if ((ct->argc != 4 && ct->argc != 5) || strcmp(ct->argv[1], "set"))
		return refuse(ct->c, -EINVAL, "quota [DOMID] | quota set NAME VALUE [DOMID]");
	q = quota_by_name(ct->argv[2]);
	if (q < 0)
		return refuse(ct->c, -EINVAL, "there is no quota \"%.40s\"; \"quota\" lists them",
			      ct->argv[2]);
	value = strtoll(ct->argv[3], &end, 10);
	if (end == ct->argv[3] || *end || value < 0)
		return refuse(ct->c, -EINVAL, "quota %s: \"%.40s\" is not a number from 0",
			      ct->argv[2], ct->argv[3]);
	if (ct->argc == 5) {
		domid = strtoll(ct->argv[4], &end, 10);
		if (end == ct->argv[4] || *end || domid < 0 || domid >= NO_DOMAIN)
			return refuse(ct->c, -EINVAL, "quota: \"%.40s\" is not a domain's number",
				      ct->argv[4]);
		account_get(sv, domid)->limit[q] = value;
	} else {
		sv->limit[q] = value;
	}
	journal_quota(sv, domid, q, value);
	if (domid < 0)
		log_info("quota %s is %" PRId64 " now", quota_name(q), value);
	else
		log_info("quota %s of d%" PRId64 " is %" PRId64 " now", quota_name(q), domid, value);
	return answer(ct, "OK");
}

static int ctl_stats(struct control *ct)
{
	struct server *sv = ct->c->sv;
	json_object *o = json_object_new_object();
	struct mallinfo2 m = mallinfo2();
	struct conn *c;
	int64_t conns = 0;

	DL_COUNT(sv->conns, c, conns);
	json_object_object_add(o, "connections", json_object_new_int64(conns));
	json_object_object_add(o, "domains", json_object_new_int64(HASH_COUNT(sv->domains)));
	json_object_object_add(o, "nodes", json_object_new_int64(tree_nr_nodes()));
	json_object_object_add(o, "memory", json_object_new_int64(m.uordblks + m.hblkhd));
	json_object_object_add(o, "requests", json_object_new_int64(sv->stats.requests));
	json_object_object_add(o, "commits", json_object_new_int64(sv->stats.commits));
	json_object_object_add(o, "conflicts", json_object_new_int64(sv->stats.conflicts));
	json_object_object_add(o, "events", json_object_new_int64(sv->stats.events));
	return answer_json(ct, o);
}

static bool count_node(const struct node *n, const char *path, void *arg)
{
	(void)path;
	((uint32_t *)arg)[perms_owner(n->perms)]++;
	return true;
}

/* Compare what is kept beside the tree with the tree. */
static int ctl_check(struct control *ct)
{
	uint32_t *count = mem_alloc((NO_DOMAIN + 1) * sizeof(*count));
	struct account *a;
	int bad = 0;

	tree_walk(ct->c->sv->tree.root, "/", count_node, NULL, count);
	for (a = ct->c->sv->accounts; a; a = a->hh.next) {
		if (a->nodes != count[a->domid]) {
			log_warn("check: d%u owns %u nodes, %u are booked", a->domid,
				 count[a->domid], a->nodes);
			bad++;
		}
		count[a->domid] = 0;
	}
	for (unsigned i = 0; i < NO_DOMAIN; i++)
		bad += count[i] != 0;
	free(count);
	return bad ? refuse(ct->c, -EIO, "check: %d accounts are wrong; the log has them", bad) :
		     answer(ct, "OK");
}

static int ctl_log(struct control *ct)
{
	if (ct->argc != 2 || (strcmp(ct->argv[1], "on") && strcmp(ct->argv[1], "off")))
		return refuse(ct->c, -EINVAL, "log on | log off");
	log_verbose = !strcmp(ct->argv[1], "on");
	return answer(ct, "OK");
}

static int ctl_print(struct control *ct)
{
	if (ct->argc != 2)
		return refuse(ct->c, -EINVAL, "print TEXT");
	log_info("control: %.200s", ct->argv[1]);
	return answer(ct, "OK");
}

static int ctl_compact(struct control *ct)
{
	if (!ct->c->sv->journal)
		return refuse(ct->c, -EINVAL, "there is no journal");
	journal_compact(ct->c->sv);
	return answer(ct, "OK");
}

static int ctl_takeover(struct control *ct)
{
	int rc = takeover_offer(ct->c);

	return rc ? rc : answer(ct, "OK");
}

static int ctl_help(struct control *ct);

static const struct {
	const char *name;
	int (*run)(struct control *ct);
	const char *help;
} controls[] = {
	{ "help", ctl_help, "this list" },
	{ "check", ctl_check, "compare the accounts with the tree" },
	{ "compact", ctl_compact, "write the journal anew" },
	{ "connections", ctl_connections,
	  "[FROM]: who is connected and what he uses, JSON in pages" },
	{ "domains", ctl_domains, "[FROM]: usage and quotas by domain, JSON in pages" },
	{ "log", ctl_log, "on|off: log every refusal" },
	{ "memreport", ctl_stats, "the same as stats" },
	{ "print", ctl_print, "TEXT into the log" },
	{ "quota", ctl_quota, "[DOMID] | set NAME VALUE [DOMID]" },
	{ "stats", ctl_stats, "counters, JSON" },
	{ "takeover", ctl_takeover, "a successor asks for everything (torc-stored --takeover)" },
};

static int ctl_help(struct control *ct)
{
	char out[XENSTORE_PAYLOAD_MAX];
	size_t i, len = 0;

	for (i = 0; i < NR(controls); i++)
		len += snprintf(out + len, sizeof(out) - len, "%-12s %s\n", controls[i].name,
				controls[i].help);
	return answer(ct, out);
}

int cmd_control(struct conn *c, struct request *rq)
{
	struct control ct = { .c = c, .rq = rq };
	const char *p = rq->body, *end = p + rq->len;
	size_t i;

	while (p < end && ct.argc < NR(ct.argv)) {
		ct.argv[ct.argc++] = p;
		p += strlen(p) + 1;
	}
	if (!ct.argc)
		return refuse(c, -EINVAL, "control: no command; \"help\" lists them");
	for (i = 0; i < NR(controls); i++)
		if (!strcmp(controls[i].name, ct.argv[0]))
			return controls[i].run(&ct);
	return refuse(c, -EINVAL, "control: there is no \"%.40s\"; \"help\" lists what there is",
		      ct.argv[0]);
}
