/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of the wire protocol: one table, one function each. A function answers itself when
 * it succeeds, and returns -errno with the reason in c->why when it refuses.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenbus/store/domain.h"
#include "xenbus/store/journal.h"
#include "xenbus/store/path.h"
#include "xenbus/store/txn.h"
#include "xenbus/store/watch.h"

/*
 * The first strings of the body, each with its NUL; false unless there are so many and the last is
 * closed.
 */
static bool strings(const struct request *rq, const char **out, unsigned want)
{
	const char *p = rq->body, *end = rq->body + rq->len;
	unsigned i;

	if (!rq->len || end[-1])
		return false;
	for (i = 0; i < want && p < end; i++) {
		out[i] = p;
		p += strlen(p) + 1;
	}
	return i == want;
}

/* The body as strings; false unless there are exactly so many. */
static bool strings_exactly(const struct request *rq, const char **out, unsigned want)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < rq->len; i++)
		n += !rq->body[i];
	return n == want && strings(rq, out, want);
}

static int one_path(struct conn *c, const struct request *rq, bool special, struct path *p)
{
	const char *s;

	if (!strings_exactly(rq, &s, 1))
		return refuse(c, -EINVAL, "the request is not one path closed with a NUL");
	return path_parse(c, s, special, p);
}

static int cmd_directory(struct conn *c, struct request *rq)
{
	const struct blob *list;
	const struct node *n;
	struct view v;
	struct path p;
	int rc;

	if ((rc = one_path(c, rq, false, &p)) || (rc = view_open(c, rq->h.tx_id, &v)) ||
	    (rc = view_get(&v, &p, STORE_READ, NEED_CHILDREN, &n)))
		return rc;
	list = node_listing(n);
	if (list->len > XENSTORE_PAYLOAD_MAX)
		return refuse(c, -E2BIG,
			      "the listing of %.200s has %u bytes: DIRECTORY_PART gives it in parts",
			      p.text, list->len);
	conn_reply(c, rq, list->data, list->len);
	return 0;
}

/*
 * <path> NUL <offset> NUL: generation NUL, whole names from there on; an empty name ends the list
 */
static int cmd_directory_part(struct conn *c, struct request *rq)
{
	char out[XENSTORE_PAYLOAD_MAX];
	const struct blob *list;
	const struct node *n;
	const char *arg[2];
	unsigned long offset;
	size_t len, room;
	struct view v;
	struct path p;
	int rc;

	if (!strings(rq, arg, 2))
		return refuse(c, -EINVAL, "DIRECTORY_PART takes a path and an offset");
	if ((rc = path_parse(c, arg[0], false, &p)) || (rc = view_open(c, rq->h.tx_id, &v)) ||
	    (rc = view_get(&v, &p, STORE_READ, NEED_CHILDREN, &n)))
		return rc;
	list = node_listing(n);
	offset = strtoul(arg[1], NULL, 0);
	if (offset > list->len)
		offset = list->len;
	len = snprintf(out, sizeof(out), "%" PRIu64, node_gen(n)) + 1;
	room = sizeof(out) - len - 1;
	if (list->len - offset <= room) {
		memcpy(out + len, list->data + offset, list->len - offset);
		len += list->len - offset;
		out[len++] = '\0';
	} else {
		while (list->data[offset + room - 1])
			room--;
		memcpy(out + len, list->data + offset, room);
		len += room;
	}
	conn_reply(c, rq, out, len);
	return 0;
}

static int cmd_read(struct conn *c, struct request *rq)
{
	const struct node *n;
	struct view v;
	struct path p;
	int rc;

	if ((rc = one_path(c, rq, false, &p)) || (rc = view_open(c, rq->h.tx_id, &v)) ||
	    (rc = view_get(&v, &p, STORE_READ, NEED_VALUE, &n)))
		return rc;
	conn_reply(c, rq, node_value(n), node_value_len(n));
	return 0;
}

static int cmd_write(struct conn *c, struct request *rq) /* <path> NUL <value> */
{
	const char *nul = memchr(rq->body, 0, rq->len);
	struct view v;
	struct path p;
	int rc;

	if (!nul)
		return refuse(c, -EINVAL, "WRITE takes a path closed with a NUL, and a value");
	if ((rc = path_parse(c, rq->body, false, &p)) || (rc = view_open(c, rq->h.tx_id, &v)) ||
	    (rc = view_write(&v, &p, nul + 1, rq->body + rq->len - nul - 1)))
		return rc;
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_mkdir(struct conn *c, struct request *rq)
{
	struct view v;
	struct path p;
	int rc;

	if ((rc = one_path(c, rq, false, &p)) || (rc = view_open(c, rq->h.tx_id, &v)) ||
	    (rc = view_mkdir(&v, &p)))
		return rc;
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_rm(struct conn *c, struct request *rq)
{
	struct view v;
	struct path p;
	int rc;

	if ((rc = one_path(c, rq, false, &p)) || (rc = view_open(c, rq->h.tx_id, &v)) ||
	    (rc = view_rm(&v, &p)))
		return rc;
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_get_perms(struct conn *c, struct request *rq)
{
	char out[XENSTORE_PAYLOAD_MAX];
	const struct perms *perms;
	const struct node *n;
	size_t i, len = 0;
	struct view v;
	struct path p;
	int rc;

	if ((rc = one_path(c, rq, true, &p)) || (rc = view_open(c, rq->h.tx_id, &v)))
		return rc;
	if (p.special) {
		perms = c->sv->special[p.which];
		if (!c->privileged && !(perms_of(perms, c->domid, c->target) & STORE_READ))
			return refuse(c, -EACCES, "%s does not grant d%u reading", p.text, c->domid);
	} else {
		rc = view_get(&v, &p, STORE_READ, 0, &n);
		if (rc)
			return rc;
		perms = n->perms;
	}
	for (i = 0; i < perms_count(perms) && len + 8 < sizeof(out); i++)
		len += snprintf(out + len, sizeof(out) - len, "%c%u",
				"nrwb"[perms_list(perms)[i].access], perms_list(perms)[i].domid) +
		       1;
	conn_reply(c, rq, out, len);
	return 0;
}

static int special_set_perms(struct conn *c, const struct path *p, const struct store_perm *list,
			     size_t n)
{
	if (!c->privileged)
		return refuse(c, -EACCES, "only the control domain sets the permissions of %s",
			      p->text);
	perms_put(c->sv->special[p->which]);
	c->sv->special[p->which] = perms_get(list, n);
	journal_special(c->sv, p->which);
	return 0;
}

/* <path> NUL (<letter><domid> NUL)+ */
static int cmd_set_perms(struct conn *c, struct request *rq)
{
	struct store_perm list[PERMS_MAX];
	const char *s, *end = rq->body + rq->len;
	struct view v;
	struct path p;
	size_t n = 0;
	int rc;

	if (!strings(rq, &s, 1))
		return refuse(c, -EINVAL, "SET_PERMS takes a path and permissions");
	rc = path_parse(c, s, true, &p);
	if (rc)
		return rc;
	for (s += strlen(s) + 1; s < end; s += strlen(s) + 1) {
		if (n == PERMS_MAX || strpbrk(s, " ,") || store_perms_parse(s, &list[n], 1) != 1 ||
		    list[n].domid == NO_DOMAIN)
			return refuse(
				c, -EINVAL,
				"permission %zu is \"%.40s\"; it takes n, r, w or b and a domain's number",
				n + 1, s);
		n++;
	}
	if (!n)
		return refuse(c, -EINVAL, "SET_PERMS takes at least one permission: the owner's");
	if ((rc = view_open(c, rq->h.tx_id, &v)))
		return rc;
	rc = p.special ? special_set_perms(c, &p, list, n) : view_set_perms(&v, &p, list, n);
	if (!rc)
		conn_reply_ok(c, rq);
	return rc;
}

static int watch_args(struct conn *c, const struct request *rq, const char **arg, struct path *p)
{
	if (!strings_exactly(rq, arg, 2))
		return refuse(c, -EINVAL, "a watch takes a path and a token");
	return watch_path(c, arg[0], p);
}

static int cmd_watch(struct conn *c, struct request *rq)
{
	const char *arg[2];
	struct path p;
	int rc;

	if ((rc = watch_args(c, rq, arg, &p)) || (rc = watch_add(c, &p, arg[1])))
		return rc;
	conn_reply_ok(c, rq);
	watch_first_event(c, &p, arg[1]);
	return 0;
}

static int cmd_unwatch(struct conn *c, struct request *rq)
{
	const char *arg[2];
	struct path p;
	int rc;

	if ((rc = watch_args(c, rq, arg, &p)) || (rc = watch_remove(c, &p, arg[1])))
		return rc;
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_reset_watches(struct conn *c, struct request *rq)
{
	watch_remove_all(c);
	txn_abort_all(c);
	journal_reset(c);
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_transaction_start(struct conn *c, struct request *rq)
{
	char out[16];
	struct view v;
	uint32_t id;
	int rc;

	if ((rc = view_open(c, rq->h.tx_id, &v)))
		return rc;
	if (v.txn)
		return refuse(c, -EBUSY, "a transaction within transaction %u", rq->h.tx_id);
	rc = txn_start(c, &id);
	if (rc)
		return rc;
	conn_reply(c, rq, out, snprintf(out, sizeof(out), "%u", id) + 1);
	return 0;
}

static int cmd_transaction_end(struct conn *c, struct request *rq)
{
	const char *how;
	int rc;

	if (!strings(rq, &how, 1) || (strcmp(how, "T") && strcmp(how, "F")))
		return refuse(c, -EINVAL, "TRANSACTION_END takes T (commit) or F (throw away)");
	rc = txn_end(c, rq->h.tx_id, *how == 'T');
	if (rc)
		return rc;
	conn_reply_ok(c, rq);
	return 0;
}

/* The first nr numbers of the body; domain numbers come first in all of these. */
static int numbers(struct conn *c, const struct request *rq, uint64_t *out, unsigned nr)
{
	const char *arg[4];
	unsigned i;
	char *end;

	if (!strings(rq, arg, nr))
		return refuse(c, -EINVAL, "%s takes %u number%s", command_name(rq->h.type), nr,
			      nr > 1 ? "s" : "");
	for (i = 0; i < nr; i++) {
		out[i] = strtoull(arg[i], &end, 0);
		if (end == arg[i] || *end || *arg[i] == '-')
			return refuse(c, -EINVAL, "%s: \"%.40s\" is not a number",
				      command_name(rq->h.type), arg[i]);
	}
	return 0;
}

static int known_domain(struct conn *c, uint64_t domid, struct domain **d)
{
	*d = domid <= UINT_MAX ? domain_find(c->sv, domid) : NULL;
	return *d ? 0 : refuse(c, -ENOENT, "d%" PRIu64 " was not introduced", domid);
}

#define FIRST_RESERVED \
	0x7ff0u /* DOMID_FIRST_RESERVED, and DOMID_SELF; they need the hypercall headers */

static int cmd_introduce(struct conn *c, struct request *rq)
{
	uint64_t arg[3];
	int rc = numbers(c, rq, arg, 3);

	if (rc)
		return rc;
	if (!arg[0] || arg[0] >= FIRST_RESERVED || !arg[2] || arg[2] > UINT32_MAX)
		return refuse(c, -EINVAL,
			      "d%" PRIu64 " with event channel %" PRIu64 " cannot be introduced",
			      arg[0], arg[2]);
	rc = domain_introduce(c, arg[0], arg[1], arg[2]);
	if (!rc)
		conn_reply_ok(c, rq);
	return rc;
}

static int cmd_release(struct conn *c, struct request *rq)
{
	struct domain *d;
	uint64_t domid;
	int rc;

	if ((rc = numbers(c, rq, &domid, 1)))
		return rc;
	if (!domid)
		return refuse(c, -EINVAL, "the control domain cannot be released");
	if ((rc = known_domain(c, domid, &d)))
		return rc;
	domain_release(c->sv, d);
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_resume(struct conn *c, struct request *rq)
{
	struct domain *d;
	uint64_t domid;
	int rc;

	if ((rc = numbers(c, rq, &domid, 1)))
		return rc;
	if (!domid)
		return refuse(c, -EINVAL, "the control domain cannot be resumed");
	if ((rc = known_domain(c, domid, &d)))
		return rc;
	d->shutdown = false;
	journal_domain(c->sv, d);
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_set_target(struct conn *c, struct request *rq)
{
	struct domain *d, *target;
	uint64_t arg[2];
	int rc;

	if ((rc = numbers(c, rq, arg, 2)) || (rc = known_domain(c, arg[0], &d)) ||
	    (rc = known_domain(c, arg[1], &target)))
		return rc;
	d->conn->target = target->domid;
	journal_domain(c->sv, d);
	conn_reply_ok(c, rq);
	return 0;
}

static int cmd_is_introduced(struct conn *c, struct request *rq)
{
	uint64_t domid;
	bool yes;
	int rc = numbers(c, rq, &domid, 1);

	if (rc)
		return rc;
	yes = domid == FIRST_RESERVED || (domid <= UINT_MAX && domain_find(c->sv, domid));
	conn_reply(c, rq, yes ? "T" : "F", 2);
	return 0;
}

static int cmd_domain_path(struct conn *c, struct request *rq)
{
	char out[40];
	uint64_t domid;
	int rc = numbers(c, rq, &domid, 1);

	if (rc)
		return rc;
	if (domid > UINT16_MAX)
		return refuse(c, -EINVAL, "there is no domain %" PRIu64, domid);
	conn_reply(c, rq, out, snprintf(out, sizeof(out), "/local/domain/%" PRIu64, domid) + 1);
	return 0;
}

enum { CHANGES = 1, CONTROL_ONLY = 2 };

static const struct command {
	const char *name;
	int (*run)(struct conn *c, struct request *rq);
	unsigned flags;
} commands[XS_TYPE_COUNT] = {
	[XS_CONTROL] = { "CONTROL", cmd_control, CONTROL_ONLY },
	[XS_DIRECTORY] = { "DIRECTORY", cmd_directory, 0 },
	[XS_READ] = { "READ", cmd_read, 0 },
	[XS_GET_PERMS] = { "GET_PERMS", cmd_get_perms, 0 },
	[XS_WATCH] = { "WATCH", cmd_watch, CHANGES },
	[XS_UNWATCH] = { "UNWATCH", cmd_unwatch, 0 },
	[XS_TRANSACTION_START] = { "TRANSACTION_START", cmd_transaction_start, 0 },
	[XS_TRANSACTION_END] = { "TRANSACTION_END", cmd_transaction_end, CHANGES },
	[XS_INTRODUCE] = { "INTRODUCE", cmd_introduce, CHANGES | CONTROL_ONLY },
	[XS_RELEASE] = { "RELEASE", cmd_release, CONTROL_ONLY },
	[XS_GET_DOMAIN_PATH] = { "GET_DOMAIN_PATH", cmd_domain_path, 0 },
	[XS_WRITE] = { "WRITE", cmd_write, CHANGES },
	[XS_MKDIR] = { "MKDIR", cmd_mkdir, CHANGES },
	[XS_RM] = { "RM", cmd_rm, 0 },
	[XS_SET_PERMS] = { "SET_PERMS", cmd_set_perms, CHANGES },
	[XS_IS_DOMAIN_INTRODUCED] = { "IS_DOMAIN_INTRODUCED", cmd_is_introduced, CONTROL_ONLY },
	[XS_RESUME] = { "RESUME", cmd_resume, CONTROL_ONLY },
	[XS_SET_TARGET] = { "SET_TARGET", cmd_set_target, CHANGES | CONTROL_ONLY },
	[XS_RESET_WATCHES] = { "RESET_WATCHES", cmd_reset_watches, 0 },
	[XS_DIRECTORY_PART] = { "DIRECTORY_PART", cmd_directory_part, 0 },
};

const char *command_name(uint32_t type)
{
	return type < XS_TYPE_COUNT && commands[type].name ? commands[type].name :
							     "(unknown command)";
}

int command_run(struct conn *c, struct request *rq)
{
	const struct command *cmd = rq->h.type < XS_TYPE_COUNT ? &commands[rq->h.type] : NULL;

	if (!cmd || !cmd->run)
		return refuse(c, -ENOSYS, "command %u is not known", rq->h.type);
	if ((cmd->flags & CONTROL_ONLY) && !c->privileged)
		return refuse(c, -EACCES, "%s is for the control domain", cmd->name);
	if ((cmd->flags & CHANGES) && !journal_has_room(c->sv))
		return refuse(c, -ENOSPC,
			      "the journal's directory is full: nothing can be changed safely");
	return cmd->run(c, rq);
}
