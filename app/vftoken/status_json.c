/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdio.h>

#include <json-c/json.h>

#include "status.h"

/* Takes the value over; a NULL is what json-c makes when out of memory. */
static int
put(struct json_object *object, const char *key, struct json_object *value)
{
	if (value != NULL && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int
put_text(struct json_object *object, const char *key, const char *value)
{
	return put(object, key, json_object_new_string(value));
}

/* A process that has the device. */
static struct json_object *
user(const struct status_user *user)
{
	struct json_object *object = json_object_new_object();

	if (object != NULL && put(object, "pid", json_object_new_int64(user->pid)) == 0 &&
	    put_text(object, "name", user->name) == 0)
		return object;
	json_object_put(object);
	return NULL;
}

static struct json_object *
users_of(const struct status_device *device)
{
	struct json_object *users = json_object_new_array(), *one;
	size_t i;

	for (i = 0; users != NULL && i < device->n_users; i++) {
		one = user(&device->users[i]);
		if (one != NULL && json_object_array_add(users, one) == 0)
			continue;
		json_object_put(one);
		json_object_put(users);
		users = NULL;
	}
	return users;
}

/* The keys are those of /vf_token/status in DPDK's telemetry. */
static int
fill(struct json_object *object, const struct status_device *device)
{
	const struct vftoken_info *info = &device->info;
	int ret;

	ret = put_text(object, "device", info->bdf);
	if (ret == 0)
		ret = put_text(object, "role", vftoken_role_name(info->role));
	if (ret == 0)
		ret = put_text(object, "driver", info->driver);
	if (ret == 0 && info->role == VFTOKEN_ROLE_PF)
		ret = put(object, "vfs_total", json_object_new_int(info->totalvfs));
	if (ret == 0 && info->role == VFTOKEN_ROLE_PF)
		ret = put(object, "vfs_enabled", json_object_new_int(info->numvfs));
	if (ret == 0 && info->role == VFTOKEN_ROLE_PF)
		ret = put_text(object, "vfs_change", vftoken_answer_name(info->vfs_change.answer));
	if (ret == 0 && info->role == VFTOKEN_ROLE_VF)
		ret = put_text(object, "pf", info->pf);
	if (ret == 0 && info->role == VFTOKEN_ROLE_VF)
		ret = put_text(object, "pf_driver", info->pf_driver);
	if (ret == 0 && device->group[0] != '\0')
		ret = put_text(object, "iommu_group", device->group);
	if (ret == 0 && info->role != VFTOKEN_ROLE_NONE)
		ret = put_text(object, "in_use", vftoken_answer_name(device->in_use.answer));
	if (ret == 0 && info->role != VFTOKEN_ROLE_NONE)
		ret = put(object, "used_by", users_of(device));
	if (ret == 0)
		ret = put_text(object, "kernel_support", vftoken_answer_name(info->support.answer));
	return ret;
}

static int
append(struct json_object *devices, const struct status_device *device)
{
	struct json_object *object = json_object_new_object();

	if (object != NULL && fill(object, device) == 0 &&
	    json_object_array_add(devices, object) == 0)
		return 0;
	json_object_put(object);
	return -ENOMEM;
}

int
status_print_json(const struct status_list *list)
{
	struct json_object *top = json_object_new_object();
	struct json_object *devices = json_object_new_array();
	const char *text = NULL;
	int ret = 0;
	size_t i;

	for (i = 0; devices != NULL && ret == 0 && i < list->count; i++)
		ret = append(devices, &list->devices[i]);
	if (ret == 0)
		ret = put(top, "devices", devices);
	else
		json_object_put(devices);
	if (ret == 0)
		ret = put_text(top, "enable_sriov", list->enable_sriov);
	if (ret == 0)
		ret = put_text(top, "cdev_check", vftoken_answer_name(list->cdev_check));
	if (ret == 0)
		text = json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY |
								   JSON_C_TO_STRING_SPACED);
	if (text != NULL)
		puts(text);
	json_object_put(top);
	return text != NULL ? 0 : -ENOMEM;
}
