/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks and network cards as one line each, in xl's words:
 *
 *    target,format,vdev,access   or   key=value,...,target=...
 *    phy:/dev/vg/disk,xvda,w     file:/srv/disk.img,xvda,w
 *    mac=00:16:3e:..,bridge=br0,...
 */
#include "dom0-tools/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int take(char **to, const char *value, struct why *why)
{
	free(*to);
	*to = strdup(value);
	return *to ? 0 : why_set(why, TE_NO_MEMORY, "no memory");
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = 0;
	return s;
}

/* Digits at *p, which moves on: a number below `end`. */
static bool take_number(const char **p, unsigned long end, unsigned int *n)
{
	unsigned long v;
	char *rest;

	if (!isdigit((unsigned char)**p))
		return false;
	v = strtoul(*p, &rest, 10);
	*p = rest;
	*n = (unsigned int)v;
	return v < end;
}

int config_vdev_number(const char *vdev, unsigned int *number)
{
	unsigned int disk = 0, part = 0;
	const char *p = vdev;
	char *end;

	if (isdigit((unsigned char)*p)) {
		unsigned long n = strtoul(p, &end, 0);

		if (*end || n > 0x0fffffff)
			return -EINVAL;
		*number = (unsigned int)n;
		return 0;
	}
	if (p[0] == 'd' && isdigit((unsigned char)p[1])) {
		p++;
		if (!take_number(&p, 1 << 20, &disk))
			return -EINVAL;
		if (*p == 'p') {
			p++;
			if (!take_number(&p, 256, &part))
				return -EINVAL;
		}
		if (*p)
			return -EINVAL;
		goto xvd;
	}
	if (strncmp(p, "xvd", 3) != 0 && strncmp(p, "sd", 2) != 0 && strncmp(p, "hd", 2) != 0)
		return -EINVAL;
	p += *p == 'x' ? 3 : 2;
	if (!islower((unsigned char)*p))
		return -EINVAL;
	for (; islower((unsigned char)*p); p++) {
		disk = disk * 26 + (unsigned int)(*p - 'a') + 1;
		if (disk >= 1 << 20)
			return -EINVAL;
	}
	disk--;
	if (*p && (!take_number(&p, 256, &part) || *p))
		return -EINVAL;
	if (*vdev == 's') {
		if (disk > 15 || part > 15)
			return -EINVAL;
		*number = 8u << 8 | disk << 4 | part;
		return 0;
	}
	if (*vdev == 'h') {
		if (disk > 3 || part > 63)
			return -EINVAL;
		*number = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | part;
		return 0;
	}
xvd:
	if (disk < 16 && part < 16)
		*number = 202u << 8 | disk << 4 | part;
	else
		*number = 1u << 28 | disk << 8 | part;
	return 0;
}

static int set_access(struct config_disk *d, const char *v, struct why *why)
{
	d->access_given = true;
	if (strcmp(v, "r") == 0 || strcmp(v, "ro") == 0)
		d->writable = false;
	else if (strcmp(v, "w") == 0 || strcmp(v, "rw") == 0)
		d->writable = true;
	else
		return why_hint(why, why_set(why, TE_CONFIG_VALUE, "access \"%s\" of a disk", v),
				"r, ro, w or rw");
	return 0;
}

static int set_format(struct config_disk *d, const char *v, struct why *why)
{
	unsigned int number;
	int rc;

	if (!*v || strcmp(v, "raw") == 0 || strcmp(v, "aio") == 0)
		return take(&d->format, "raw", why);
	rc = why_set(why, TE_UNSUPPORTED, "format \"%s\" of a disk", v);
	if (config_vdev_number(v, &number) == 0) /* the place of the format was forgotten */
		return why_hint(why, rc,
				"in this order: target,format,vdev,access, as in /srv/d.img,raw,%s,w",
				v);
	return why_hint(
		why, rc,
		"raw files and block devices, and NBD; serve a qcow2 file with qemu-nbd or nbdkit");
}

static int set_vdev(struct config_disk *d, char *v, struct why *why)
{
	char *colon = strchr(v, ':');

	if (colon && strcmp(colon, ":cdrom") == 0) {
		d->cdrom = true;
		*colon = 0;
	}
	if (config_vdev_number(v, &d->number))
		return why_hint(why, why_set(why, TE_CONFIG_VALUE, "virtual device \"%s\"", v),
				"xvda, xvdb1, sda, hda, d0p1 or a number");
	return take(&d->vdev, v, why);
}

static int disk_key(struct config_disk *d, const char *key, char *v, struct why *why)
{
	static const char *const known[] = { "target",	     "format",	    "vdev",
					     "access",	     "backendtype", "script",
					     "devtype",	     "cdrom",	    "backend",
					     "discard",	     "no-discard",  "direct-io-safe",
					     "specification" };
	const char *near;

	if (strcmp(key, "format") == 0)
		return set_format(d, v, why);
	if (strcmp(key, "vdev") == 0)
		return set_vdev(d, v, why);
	if (strcmp(key, "access") == 0)
		return set_access(d, v, why);
	if (strcmp(key, "backendtype") == 0) {
		/* xl's word for a backend that is a program: ours is torc-blkd */
		if (strcmp(v, "qdisk") == 0)
			v = "torc";
		if (strcmp(v, "phy") != 0 && strcmp(v, "torc") != 0)
			return why_hint(why, why_set(why, TE_CONFIG_VALUE, "backendtype \"%s\"", v),
					"phy (in dom0's kernel) or torc (torc-blkd)");
		return take(&d->backendtype, v, why);
	}
	if (strcmp(key, "script") == 0)
		return why_hint(why, why_set(why, TE_UNSUPPORTED, "script \"%s\" of a disk", v),
				"no scripts are run: name the file, the device or nbd://host/export");
	if (strcmp(key, "specification") == 0)
		return strcmp(v, "xen") == 0 ?
			       0 :
			       why_set(why, TE_UNSUPPORTED,
				       "specification \"%s\" of a disk: PV guests' disks are Xen's",
				       v);
	if (strcmp(key, "devtype") == 0) {
		d->cdrom = strcmp(v, "cdrom") == 0;
		return 0;
	}
	if (strcmp(key, "backend") == 0) {
		if (strcmp(v, "0") == 0 || strcmp(v, "Domain-0") == 0)
			return 0;
		return why_set(why, TE_UNSUPPORTED,
			       "disks served by domain \"%s\": dom0 serves all", v);
	}
	near = config_near(key, known, sizeof(known) / sizeof(known[0]));
	why_set(why, TE_CONFIG_VALUE, "a disk has no key \"%s\"", key);
	return near ? why_hint(why, -EINVAL, "did you mean \"%s\"?", near) : -EINVAL;
}

static int disk_flag(struct config_disk *d, const char *word, bool *is_flag)
{
	*is_flag = true;
	if (strcmp(word, "cdrom") == 0 || strcmp(word, "devtype=cdrom") == 0)
		d->cdrom = true;
	else if (strcmp(word, "no-discard") == 0)
		d->no_discard = true;
	else if (strcmp(word, "direct-io-safe") == 0)
		d->direct_io_safe = true;
	else if (strcmp(word, "untrusted") == 0 || strcmp(word, "trusted") == 0)
		d->untrusted = *word == 'u';
	else if (strcmp(word, "discard") != 0)
		*is_flag = false;
	return 0;
}

/* "phy:", "file:", "tap:aio:" in front of a target say nothing that the target does not. */
static char *strip_prefix(char *s, bool *legacy)
{
	static const char *const prefixes[] = { "phy:", "file:", "tap:aio:", "tap2:aio:",
						"tap:", "tap2:", "aio:",     "raw:" };

	*legacy = false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(s, prefixes[i], strlen(prefixes[i])) == 0) {
			*legacy = true;
			return s + strlen(prefixes[i]);
		}
	return s;
}

/* "tap2:qcow2:" says what else a target is. */
static int no_other_format(struct config_disk *d, const char *target, struct why *why)
{
	static const char *const others[] = { "qcow", "qcow2", "vhd", "vhdx", "vmdk", "qed", "vdi" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t n = strlen(others[i]);

		if (strncmp(target, others[i], n) == 0 && target[n] == ':')
			return set_format(d, others[i], why);
	}
	return 0;
}

/* A word without a key is what comes first of those that were neither named nor left out before. */
static int disk_positional(struct config_disk *d, unsigned int *at, char *v, struct why *why)
{
	while ((*at == 0 && d->target) || (*at == 1 && d->format) || (*at == 2 && d->vdev) ||
	       (*at == 3 && d->access_given))
		++*at;
	if (!*v) { /* left out: what it usually is */
		++*at;
		return 0;
	}
	switch ((*at)++) {
	case 0: return take(&d->target, v, why);
	case 1: return set_format(d, v, why);
	case 2: return set_vdev(d, v, why);
	case 3: return set_access(d, v, why);
	default: return why_set(why, TE_CONFIG_VALUE, "\"%s\" is one too many in a disk", v);
	}
}

static int disk_words(struct config_disk *d, char *text, struct why *why)
{
	unsigned int at = 0;
	bool legacy = false, flag;
	char *word = text;
	int rc;

	while (word) {
		char *comma, *eq, *p = trim(word);

		/* target= takes the rest, commas and all */
		if (strncmp(p, "target=", 7) == 0)
			return take(&d->target, strip_prefix(p + 7, &flag), why);
		p = word;
		if (at == 0)
			p = strip_prefix(p, &legacy);
		rc = at == 0 ? no_other_format(d, p, why) : 0;
		if (rc)
			return rc;
		if (legacy && !d->format &&
		    take(&d->format, "raw", why)) /* the prefix stands for it */
			return -ENOMEM;
		comma = strchr(p, ',');
		if (comma)
			*comma = 0;
		p = trim(p);
		eq = strchr(p, '=');
		disk_flag(d, p, &flag);
		if (flag)
			rc = 0;
		else if (eq && at == 0 && p[0] == '/')
			rc = disk_positional(d, &at, p, why);
		else if (eq) {
			*eq = 0;
			rc = disk_key(d, trim(p), trim(eq + 1), why);
		} else {
			rc = disk_positional(d, &at, p, why);
		}
		if (rc)
			return rc;
		word = comma ? comma + 1 : NULL;
	}
	return 0;
}

/* A path without a slash in front is below /dev, as xl has it. Addresses have "://". */
static int absolute(struct config_disk *d, struct why *why)
{
	char *whole;

	if (!d->target || !*d->target || *d->target == '/' || strstr(d->target, "://"))
		return 0;
	if (asprintf(&whole, "/dev/%s", d->target) < 0)
		return why_set(why, TE_NO_MEMORY, "no memory");
	free(d->target);
	d->target = whole;
	return 0;
}

int config_disk_parse(struct config_disk *d, const char *text, struct why *why)
{
	char *copy = strdup(text);
	int rc;

	memset(d, 0, sizeof(*d));
	d->writable = true;
	if (!copy)
		return why_set(why, TE_NO_MEMORY, "no memory");
	rc = disk_words(d, copy, why);
	if (!rc)
		rc = absolute(d, why);
	free(copy);
	if (!rc && !d->vdev)
		rc = why_hint(why,
			      why_set(why, TE_CONFIG_VALUE, "disk \"%s\" has no virtual device",
				      text),
			      d->target && strstr(d->target, ",vdev=") ?
				      "target= takes all that follows, commas too: put it last" :
				      "add vdev=xvda");
	if (!rc && (!d->target || !*d->target) && !d->cdrom)
		rc = why_hint(why, why_set(why, TE_CONFIG_VALUE, "disk \"%s\" has no target", text),
			      "add target=/path/of/the/image, as the last part");
	if (!rc && d->cdrom)
		d->writable = false;
	if (rc)
		config_disk_free(d);
	return rc;
}

void config_disk_free(struct config_disk *d)
{
	free(d->target);
	free(d->format);
	free(d->vdev);
	free(d->backendtype);
	free(d->script);
	memset(d, 0, sizeof(*d));
}

static int parse_mac(struct config_vif *v, const char *text, struct why *why)
{
	unsigned int b[6];
	char rest;

	/* sscanf() takes signs and blanks, too */
	if (text[strspn(text, "0123456789abcdefABCDEF:")] ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &rest) != 6)
		return why_hint(why, why_set(why, TE_CONFIG_VALUE, "mac address \"%s\"", text),
				"six bytes: 00:16:3e:xx:xx:xx");
	if (b[0] & 1)
		return why_set(why, TE_CONFIG_VALUE, "mac address \"%s\" is a multicast address",
			       text);
	for (int i = 0; i < 6; i++)
		v->mac[i] = (uint8_t)b[i];
	v->mac_given = true;
	return 0;
}

static int vif_number(const char *key, const char *v, unsigned int least, unsigned int most,
		      unsigned int *out, struct why *why)
{
	char *end;
	unsigned long n = strtoul(v, &end, 10);

	if (!*v || *end || n < least || n > most)
		return why_hint(why,
				why_set(why, TE_CONFIG_VALUE, "%s \"%s\" of a network card", key, v),
				"a number from %u to %u", least, most);
	*out = (unsigned int)n;
	return 0;
}

/* "10Mb/s", "250KB/s@20ms": bytes or bits, and how often the credit is renewed (50 ms). */
static int vif_rate(struct config_vif *v, const char *value, struct why *why)
{
	const char *text = value;
	static const struct {
		const char *unit;
		double factor;
	} units[] = {
		{ "GB", 1e9 }, { "MB", 1e6 }, { "KB", 1e3 }, { "B", 1 },
		{ "Gb", 1e9 / 8 }, { "Mb", 1e6 / 8 }, { "Kb", 1e3 / 8 }, { "b", 1.0 / 8 },
	}, times[] = { { "ms", 1e3 }, { "us", 1 }, { "s", 1e6 }, { "", 1 } };
	double per_second = 0, every = 50000, credit;
	unsigned int n, m;
	int used = 0;

	if (!isdigit((unsigned char)*text) || sscanf(text, "%9u%n", &n, &used) != 1)
		goto bad;
	text += used;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && !per_second; i++)
		if (strncmp(text, units[i].unit, strlen(units[i].unit)) == 0) {
			per_second = n * units[i].factor;
			text += strlen(units[i].unit);
		}
	if (!per_second || strncmp(text, "/s", 2) != 0)
		goto bad;
	text += 2;
	if (*text == '@') {
		if (!isdigit((unsigned char)text[1]) || sscanf(text + 1, "%9u%n", &m, &used) != 1)
			goto bad;
		text += 1 + used;
		every = 0;
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]) && !every; i++)
			if (strcmp(text, times[i].unit) == 0)
				every = m * times[i].factor;
		text = "";
	}
	credit = per_second * every / 1e6;
	if (*text || every < 1 || every > UINT32_MAX || credit < 1 || credit > UINT32_MAX)
		goto bad;
	v->rate_bytes = (uint32_t)credit;
	v->rate_us = (uint32_t)every;
	return 0;
bad:
	return why_hint(why, why_set(why, TE_CONFIG_VALUE, "rate \"%s\" of a network card", value),
			"10Mb/s, 250KB/s, 1MB/s@20ms");
}

static int vif_key(struct config_vif *v, const char *key, const char *value, struct why *why)
{
	static const char *const known[] = { "mac",   "bridge",	    "ip",     "script",	 "vifname",
					     "rate",  "type",	    "model",  "backend", "mtu",
					     "devid", "gatewaydev", "netdev", "guard" };
	const char *near;
	unsigned int n;
	int rc;

	if (strcmp(key, "mac") == 0)
		return parse_mac(v, value, why);
	if (strcmp(key, "bridge") == 0)
		return strlen(value) > 15 ?
			       why_set(why, TE_CONFIG_VALUE,
				       "bridge \"%s\": more than 15 characters", value) :
			       take(&v->bridge, value, why);
	if (strcmp(key, "ip") == 0)
		return take(&v->ip, value, why);
	if (strcmp(key, "rate") == 0)
		return vif_rate(v, value, why);
	if (strcmp(key, "gatewaydev") == 0 || strcmp(key, "netdev") == 0)
		return why_hint(
			why, why_set(why, TE_UNSUPPORTED, "%s \"%s\" of a network card", key, value),
			"bridge= puts the card on a bridge, script=vif-route with ip= makes a way to it");
	if (strcmp(key, "guard") == 0) {
		rc = vif_number(key, value, 0, 1, &n, why);
		v->guard = n;
		return rc;
	}
	if (strcmp(key, "vifname") == 0)
		return strlen(value) > 15 ?
			       why_set(why, TE_CONFIG_VALUE,
				       "vifname \"%s\": more than 15 characters", value) :
			       take(&v->vifname, value, why);
	if (strcmp(key, "model") == 0)
		return take(&v->model, value, why);
	if (strcmp(key, "type") == 0) {
		if (strcmp(value, "vif") != 0 && strcmp(value, "ioemu") != 0)
			return why_set(why, TE_CONFIG_VALUE,
				       "type \"%s\" of a network card: PV guests have vif only",
				       value);
		return take(&v->type, value, why);
	}
	if (strcmp(key, "backend") == 0) {
		if (strcmp(value, "0") == 0 || strcmp(value, "Domain-0") == 0)
			return 0;
		return why_set(why, TE_UNSUPPORTED,
			       "network cards served by domain \"%s\": dom0 serves all", value);
	}
	if (strcmp(key, "script") == 0) {
		if (strcmp(value, "vif-bridge") == 0 ||
		    strcmp(value, "/etc/xen/scripts/vif-bridge") == 0)
			return 0;
		v->routed = strcmp(value, "vif-route") == 0 ||
			    strcmp(value, "/etc/xen/scripts/vif-route") == 0;
		if (v->routed)
			return 0;
		return why_hint(
			why, why_set(why, TE_UNSUPPORTED, "script \"%s\" of a network card", value),
			"no scripts are run: bridge= puts the card on a bridge, script=vif-route makes a way to ip=");
	}
	if (strcmp(key, "mtu") == 0) {
		rc = vif_number(key, value, 68, 65517, &n, why);
		v->mtu = n;
		return rc;
	}
	if (strcmp(key, "devid") == 0) {
		rc = vif_number(key, value, 0, 255, &n, why);
		v->devid = (int)n;
		return rc;
	}
	near = config_near(key, known, sizeof(known) / sizeof(known[0]));
	why_set(why, TE_CONFIG_VALUE, "a network card has no key \"%s\"", key);
	return near ? why_hint(why, -EINVAL, "did you mean \"%s\"?", near) : -EINVAL;
}

int config_vif_parse(struct config_vif *v, const char *text, struct why *why)
{
	char *copy = strdup(text), *save, *word;
	int rc = 0;

	memset(v, 0, sizeof(*v));
	v->devid = -1;
	if (!copy)
		return why_set(why, TE_NO_MEMORY, "no memory");
	for (word = strtok_r(copy, ",", &save); word && !rc; word = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(word, '=');

		if (!*trim(word))
			continue;
		if (strcmp(trim(word), "trusted") == 0 || strcmp(trim(word), "untrusted") == 0) {
			v->untrusted = *trim(word) == 'u';
			continue;
		}
		if (!eq) {
			rc = why_hint(why,
				      why_set(why, TE_CONFIG_VALUE,
					      "\"%s\" of a network card has no value", trim(word)),
				      "key=value, separated by commas");
			break;
		}
		*eq = 0;
		rc = vif_key(v, trim(word), trim(eq + 1), why);
	}
	free(copy);
	if (!rc && v->routed && (!v->ip || v->bridge))
		rc = why_hint(why,
			      why_set(why, TE_CONFIG_VALUE, "a routed network card %s",
				      v->bridge ? "on a bridge" : "without an address"),
			      "script=vif-route,ip=192.168.1.7, and no bridge=");
	if (rc)
		config_vif_free(v);
	return rc;
}

void config_vif_mac(struct config_vif *v, const uint8_t uuid[16])
{
	const uint8_t prefix[] = { 0x00, 0x16, 0x3e }; /* Xen's, and so a PV guest's */

	memcpy(v->mac, prefix, sizeof(prefix));
	v->mac[3] = uuid[13] & 0x7f;
	v->mac[4] = uuid[14];
	v->mac[5] = (uint8_t)(uuid[15] + v->devid);
}

void config_vif_free(struct config_vif *v)
{
	free(v->bridge);
	free(v->vifname);
	free(v->ip);
	free(v->script);
	free(v->backend);
	free(v->type);
	free(v->model);
	memset(v, 0, sizeof(*v));
}
