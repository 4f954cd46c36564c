/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest as its config says, in JSON: what torc create -n prints, by the schema torc-guest/1. */
#include "dom0-tools/cli/guest.h"

#include <stdio.h>

static struct json_object *cpus(const struct config_cpus *set)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < set->count; i++)
		json_object_array_add(a, json_object_new_string(set->text[i]));
	return a;
}

static struct json_object *disk(const struct config_disk *d)
{
	struct json_object *o = json_object_new_object();

	fact_str(o, "vdev", d->vdev);
	fact_num(o, "number", d->number);
	fact_str(o, "target", d->target);
	fact_str(o, "format", d->format ? d->format : "raw");
	fact_str(o, "backendtype", d->backendtype);
	fact_bool(o, "writable", d->writable);
	fact_bool(o, "cdrom", d->cdrom);
	fact_bool(o, "discard", !d->no_discard);
	fact_bool(o, "direct_io_safe", d->direct_io_safe);
	fact_bool(o, "trusted", !d->untrusted);
	return o;
}

static struct json_object *vif(const struct config_vif *v, bool lasting)
{
	struct json_object *o = json_object_new_object();
	char mac[18];

	fact_num(o, "devid", v->devid);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0], v->mac[1], v->mac[2],
		 v->mac[3], v->mac[4], v->mac[5]);
	fact_str(o, "mac", v->mac_given || lasting ? mac : NULL);
	fact_bool(o, "mac_given", v->mac_given);
	fact_str(o, "bridge", v->bridge);
	fact_str(o, "vifname", v->vifname);
	fact_str(o, "ip", v->ip);
	fact_str(o, "model", v->model);
	fact_num(o, "mtu", v->mtu);
	fact_num(o, "rate_bytes", v->rate_bytes);
	fact_num(o, "rate_us", v->rate_us);
	fact_bool(o, "trusted", !v->untrusted);
	return o;
}

struct json_object *guest_describe(const struct guest_config *g, const struct build *b)
{
	struct json_object *o = json_object_new_object(), *list;
	char uuid[37];

	fact_str(o, "name", g->name);
	config_uuid_format(uuid, g->uuid);
	fact_str(o, "uuid", g->uuid_given ? uuid : NULL);
	fact_str(o, "kernel", b->spec.kernel);
	fact_str(o, "bootloader", g->bootloader);
	fact_str(o, "ramdisk", g->ramdisk);
	fact_str(o, "cmdline", g->command_line);
	fact_num(o, "bits", b->image.is_64 ? 64 : 32);
	fact_str(o, "guest_os", b->image.guest_os);
	fact_num(o, "memory_mib", (int64_t)g->memory);
	fact_num(o, "maxmem_mib", (int64_t)g->maxmem);
	fact_num(o, "vcpus", (int64_t)g->vcpus);
	fact_num(o, "maxvcpus", (int64_t)g->maxvcpus);
	json_object_object_add(o, "cpus", cpus(&g->cpus));
	json_object_object_add(o, "cpus_soft", cpus(&g->cpus_soft));
	fact_num(o, "cpu_weight", (int64_t)g->cpu_weight);
	fact_num(o, "cap", (int64_t)g->cap);
	fact_str(o, "pool", g->pool);
	fact_num(o, "max_event_channels", (int64_t)g->event_channels);
	fact_num(o, "max_grant_frames", (int64_t)g->max_grant_frames);
	fact_num(o, "max_maptrack_frames", (int64_t)g->max_maptrack_frames);
	fact_num(o, "rtc_timeoffset", (int64_t)g->rtc_timeoffset);
	fact_bool(o, "localtime", g->localtime);
	list = json_object_new_array();
	for (size_t i = 0; i < g->nr_disks; i++)
		json_object_array_add(list, disk(&g->disks[i]));
	json_object_object_add(o, "disks", list);
	list = json_object_new_array();
	for (size_t i = 0; i < g->nr_vifs; i++)
		json_object_array_add(list, vif(&g->vifs[i], g->uuid_given));
	json_object_object_add(o, "vifs", list);
	fact_str(o, "on_poweroff", config_action_name(g->on_poweroff));
	fact_str(o, "on_reboot", config_action_name(g->on_reboot));
	fact_str(o, "on_crash", config_action_name(g->on_crash));
	fact_str(o, "on_watchdog", config_action_name(g->on_watchdog));
	fact_str(o, "on_soft_reset", config_action_name(g->on_soft_reset));
	return o;
}
