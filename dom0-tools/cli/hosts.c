/* SPDX-License-Identifier: BSD-2-Clause */
/* torc host: which other hosts guests may go to and come from. */
#include "dom0-tools/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "migration/meet.h"
#include "migration/pair.h"

/* Its row in subcommands.tbl says so too. */
subcommand_fn cmd_host;

#define MEET_NS	   300000000000ull /* five minutes to walk to the other keyboard */
#define COMPARE_NS 300000000000ull

static const char *config_dir(void)
{
	const char *v = secure_getenv("TORC_ETC_DIR");

	return v && *v == '/' ? v : "/etc/torc";
}

static void own_dir(char dir[256])
{
	snprintf(dir, 256, "%s/host", config_dir());
}

static void pins_dir(char dir[256])
{
	snprintf(dir, 256, "%s/hosts", config_dir());
}

static bool ask(void *arg, const char *code)
{
	char line[16];

	(void)arg;
	printf("code: %s\nIs it the same on the other host? (yes/no) ", code);
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) && !strcmp(line, "yes\n");
}

/* From a connected socket to a channel. pem: the other's certificate, malloced. */
static int greet(int fd, bool dialled, const struct identity *id, struct channel **c,
		 uint8_t fp[FINGERPRINT_SIZE], char **pem, struct why *why)
{
	struct hostlink_tls how = { .id = id, .server = !dialled, .timeout_ms = 10000 };
	uint64_t soon = mig_now_ns() + 10000000000ull;
	struct hostlink *l;
	struct hello h;
	int rc = hostlink_open_tls(&l, fd, &how, why);

	if (rc)
		return rc;
	memcpy(fp, hostlink_peer(l), FINGERPRINT_SIZE);
	*pem = strdup(hostlink_peer_pem(l));
	rc = dialled ? 0 : hello_hear(l, &h, soon, why);
	rc = rc ? rc : channel_new(c, dialled ? NULL : h.id, why);
	if (rc)
		hostlink_close(&l);
	else
		rc = dialled ? channel_dial(*c, l, soon, why) : channel_answer(*c, l, &h, soon, why);
	if (rc) {
		channel_free(c);
		free(*pem);
		*pem = NULL;
	}
	return rc;
}

/*
 * Anybody may reach the port: who is not the other host's torc is sent away, and waited on. Not so
 * once numbers were said: who could have that begun anew would have one guess at the code after the
 * other. And where two hosts are being paired with this one at the same time, either may come.
 */
static int meet_torc(const char *address, uint16_t port, const struct identity *id,
		     struct channel **c, bool *dialled, struct pin *p, char **pem, struct why *why)
{
	const struct timespec nap = { .tv_sec = 1 };
	uint64_t until = mig_now_ns() + MEET_NS;
	char who[MEET_WHO];
	bool known;
	int fd, rc;

	for (;;) {
		rc = meet(address, port, until, &fd, dialled, why);
		if (rc)
			return rc;
		known = *dialled || meet_is_from(address, fd, who);
		rc = greet(fd, *dialled, id, c, p->fingerprint, pem, why);
		if (!rc && !known)
			cli_note("%s has come, which is no address of %s: look whether it is %s that shows this code, and not another host that is being paired",
				 who, address, address);
		if (!rc || mig_now_ns() >= until)
			return rc;
		cli_note("there was somebody else, or the connection broke: %s", why->text);
		nanosleep(&nap, NULL);
	}
}

static int pair(struct cli *c, const char *name, const char *address, uint16_t port)
{
	struct pin p = { .name = "" }, known;
	struct identity *id = NULL;
	struct channel *ch = NULL;
	char dir[256], *pem = NULL;
	time_t now = time(NULL);
	struct why ignored;
	bool dialled;
	int rc;

	pins_dir(dir);
	if (strlen(name) >= sizeof(p.name) || strlen(address) >= sizeof(p.address))
		return cli_usage(c, "the name or the address is too long");
	rc = pin_get(dir, name, &known, &ignored);
	if (!rc)
		return why_hint(c->why, why_set(c->why, TE_NAME_TAKEN, "%s is paired already", name),
				"torc host revoke %s, to pair anew", name);
	if (rc == -EINVAL) {
		*c->why = ignored;
		return rc;
	}
	own_dir(dir);
	rc = identity_load(&id, dir, c->why);
	rc = rc ? rc : identity_check(id, dir, c->why);
	if (rc) {
		identity_free(&id);
		return rc;
	}
	cli_note("waiting for the same command on %s", address);
	rc = meet_torc(address, port, id, &ch, &dialled, &p, &pem, c->why);
	if (!rc && !memcmp(p.fingerprint, identity_fingerprint(id), FINGERPRINT_SIZE))
		rc = why_hint(
			c->why,
			why_set(c->why, TE_STATE,
				"the torc host pair that was met is this host's own"),
			"run one of the two on the other host; if you did, that is a copy of this one: remove %s there",
			dir);
	if (!rc)
		rc = pair_talk(ch, dialled, identity_fingerprint(id), p.fingerprint, ask, NULL,
			       mig_now_ns() + COMPARE_NS, c->why);
	channel_free(&ch);
	identity_free(&id);
	if (!rc) {
		strcpy(p.name, name);
		strcpy(p.address, address);
		strftime(p.paired, sizeof(p.paired), "%Y-%m-%d %H:%M:%S", gmtime(&now));
		pins_dir(dir);
		rc = pem ? pin_add(dir, &p, pem, c->why) :
			   why_set(c->why, TE_NO_MEMORY, "no memory");
	}
	free(pem);
	if (!rc)
		printf("%s is paired\n", name);
	return rc;
}

static int add_row(void *arg, const struct pin *p)
{
	struct json_object *o = json_object_new_object();
	char fp[2 * FINGERPRINT_SIZE + 1];
	int i;

	for (i = 0; i < FINGERPRINT_SIZE; i++)
		sprintf(fp + 2 * i, "%02x", p->fingerprint[i]);
	fact_str(o, "name", p->name);
	fact_str(o, "address", p->address);
	fact_str(o, "paired", p->paired);
	fact_str(o, "fingerprint", fp);
	json_object_array_add(arg, o);
	return 0;
}

static int list(struct cli *c)
{
	static const struct column columns[] = {
		{ "name", "Name", -20 },
		{ "address", "Address", -24 },
		{ "paired", "Paired (UTC)", -19 },
		{ "fingerprint", "SHA-256 of the certificate", -64 },
	};
	struct json_object *rows = json_object_new_array();
	char dir[256];
	int rc;

	pins_dir(dir);
	rc = pin_each(dir, add_row, rows, c->why);
	if (rc)
		json_object_put(rows);
	else
		out_rows(c, "hosts", rows, columns, sizeof(columns) / sizeof(columns[0]));
	return rc;
}

int cmd_host(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ 0 },
	};
	const char *address = NULL, *what;
	int64_t port = PAIR_PORT;
	char dir[256];
	int o, n;

	while ((o = getopt_long(argc, argv, "a:p:", options, NULL)) != -1) {
		if (o == 'a')
			address = optarg;
		else if (o != 'p')
			return cli_bad_option(c, argv);
		else if ((port = cli_parse_number(optarg, 1, 65535)) < 0)
			return cli_usage(c, "\"%s\" is no port: 1 to 65535", optarg);
	}
	n = argc - optind;
	what = n ? argv[optind] : "";
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(what, "pair") && n == 2)
		return pair(c, argv[optind + 1], address ? address : argv[optind + 1], port);
	if (!strcmp(what, "list") && n == 1)
		return list(c);
	if (!strcmp(what, "revoke") && n == 2) {
		pins_dir(dir);
		return pin_remove(dir, argv[optind + 1], c->why);
	}
	if (!strcmp(what, "address") && n == 3) {
		pins_dir(dir);
		return pin_move(dir, argv[optind + 1], argv[optind + 2], c->why);
	}
	return cli_usage(c, "pair NAME, list, address NAME ADDRESS, or revoke NAME?");
}
