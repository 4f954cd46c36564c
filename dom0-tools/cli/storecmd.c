/* SPDX-License-Identifier: BSD-2-Clause */
/* torc store: a look into the store, and a hand in it, for people who know why. */
#include "dom0-tools/cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* Values are bytes that guests chose. */
static void print_value(const char *v, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)v[i];

		if (c == '\\' || c < ' ' || c >= 0x7f)
			printf("\\%03o", c);
		else
			putchar(c);
	}
}

static int print_tree(struct cli *c, const char *path, unsigned int depth)
{
	char child[STORE_PATH_MAX], **names, *value;
	size_t n, len;
	int rc = 0;

	if (store_list(c->store, STORE_NO_TXN, path, &names, &n))
		return depth ? 0 : cli_store_failed(c, "cannot list"); /* gone meanwhile */
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_perm *perms;
		char who[256] = "";
		size_t count;

		if (store_path(child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, names[i]))
			continue;
		if (store_get_perms(c->store, STORE_NO_TXN, child, &perms, &count) == 0) {
			store_perms_format(perms, count, who, sizeof(who));
			free(perms);
		}
		printf("%*s%s = \"", (int)depth * 2, "", names[i]);
		if (store_read(c->store, STORE_NO_TXN, child, &value, &len) == 0) {
			print_value(value, len);
			free(value);
		}
		printf("\"%s%s%s\n", c->verbose ? "   (" : "", c->verbose ? who : "",
		       c->verbose ? ")" : "");
		rc = print_tree(c, child, depth + 1);
	}
	free(names);
	return rc;
}

static struct json_object *json_tree(struct cli *c, const char *path)
{
	struct json_object *o = json_object_new_object(), *below = json_object_new_object();
	char child[STORE_PATH_MAX], **names, *value;
	size_t n, len;

	if (store_read(c->store, STORE_NO_TXN, path, &value, &len) == 0) {
		json_object_object_add(o, "value", json_object_new_string_len(value, (int)len));
		free(value);
	}
	if (store_list(c->store, STORE_NO_TXN, path, &names, &n) == 0) {
		for (size_t i = 0; i < n; i++)
			if (store_path(child, "%s/%s", strcmp(path, "/") == 0 ? "" : path,
				       names[i]) == 0)
				json_object_object_add(below, names[i], json_tree(c, child));
		free(names);
	}
	json_object_object_add(o, "children", below);
	return o;
}

static int do_ls(struct cli *c, int argc, char **argv)
{
	const char *path = argc ? argv[0] : "/";

	if (!c->json)
		return print_tree(c, path, 0);
	out_facts(c, "store", json_tree(c, path));
	return 0;
}

static int do_read(struct cli *c, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *v;
		size_t len;

		if (store_read(c->store, STORE_NO_TXN, argv[i], &v, &len))
			return cli_store_failed(c, "cannot read");
		print_value(v, len);
		putchar('\n');
		free(v);
	}
	return 0;
}

static int do_write(struct cli *c, int argc, char **argv)
{
	if (argc % 2)
		return cli_usage(c, "write takes paths with values");
	for (int i = 0; i < argc; i += 2)
		if (store_write(c->store, STORE_NO_TXN, argv[i], argv[i + 1], strlen(argv[i + 1])))
			return cli_store_failed(c, "cannot write");
	return 0;
}

static int do_rm(struct cli *c, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (store_rm(c->store, STORE_NO_TXN, argv[i]))
			return cli_store_failed(c, "cannot remove");
	return 0;
}

static int do_chmod(struct cli *c, int argc, char **argv)
{
	struct store_perm perms[64];
	int n;

	if (argc != 2 || (n = store_perms_parse(argv[1], perms, 64)) <= 0)
		return cli_usage(c, "chmod takes a path and permissions such as n0,r5");
	if (store_set_perms(c->store, STORE_NO_TXN, argv[0], perms, (size_t)n))
		return cli_store_failed(c, "cannot set permissions");
	return 0;
}

static int do_watch(struct cli *c, int argc, char **argv)
{
	struct store_event *e;

	for (int i = 0; i < argc; i++)
		if (store_watch(c->store, argv[i], "torc"))
			return cli_store_failed(c, "cannot watch");
	while (store_next_event(c->store, &e, -1) == 0) {
		puts(e->path);
		free(e);
		if (fflush(stdout))
			break;
	}
	return 0;
}

/* c->json: what is in it is the store's to say, in no table. */
static int control_list(struct cli *c, const char *what, struct json_object **o)
{
	char *json;

	if (store_control_list(c->store, what, &json))
		return why_set(c->why, TE_NOT_OFFERED, "this store does not tell its %s: %s", what,
			       store_why(c->store));
	*o = json_tokener_parse(json);
	free(json);
	if (!*o)
		return why_set(c->why, TE_STORE, "the store's answer is not JSON");
	c->json = true;
	return 0;
}

static int do_connections(struct cli *c, int argc, char **argv)
{
	struct json_object *o;
	int rc = control_list(c, "connections", &o);

	(void)argc, (void)argv;
	if (!rc)
		out_facts(c, "store-connections", o);
	return rc;
}

static int do_domains(struct cli *c, int argc, char **argv)
{
	struct json_object *o;
	int rc = control_list(c, "domains", &o);

	(void)argc, (void)argv;
	if (!rc)
		out_facts(c, "store-domains", o);
	return rc;
}

/* What xenstore-control says to a store, and what that answers. */
static int do_control(struct cli *c, int argc, char **argv)
{
	const char *args[16] = { NULL };
	char *answer;

	for (int i = 1; i < argc; i++)
		args[i - 1] = argv[i];
	if (store_control(c->store, argv[0], args, &answer))
		return cli_store_failed(c, "the store refuses");
	printf("%s%s", answer, *answer && answer[strlen(answer) - 1] == '\n' ? "" : "\n");
	free(answer);
	return 0;
}

static const struct {
	const char *name;
	int least, most;
	int (*run)(struct cli *c, int argc, char **argv);
} verbs[] = {
	{ "ls", 0, 1, do_ls },
	{ "read", 1, 999, do_read },
	{ "write", 2, 999, do_write },
	{ "rm", 1, 999, do_rm },
	{ "chmod", 2, 2, do_chmod },
	{ "watch", 1, 999, do_watch },
	{ "connections", 0, 0, do_connections },
	{ "domains", 0, 0, do_domains },
	{ "control", 1, 15, do_control },
};

int cmd_store(struct cli *c, int argc, char **argv)
{
	int rc;

	if (argc < 2)
		return cli_usage(c, "what is to be done?");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (argc - 2 < verbs[i].least || argc - 2 > verbs[i].most)
			return cli_usage(c, "%s takes other arguments", verbs[i].name);
		rc = cli_store(c);
		return rc ? rc : verbs[i].run(c, argc - 2, argv + 2);
	}
	return cli_usage(c, "there is no \"%s\"", argv[1]);
}
