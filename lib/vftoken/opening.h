/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * One open of a device, alone or together with others. For libvftoken's own files, which hold the
 * context's lock.
 */

#ifndef VFTOKEN_OPENING_H
#define VFTOKEN_OPENING_H

#include "private.h"
#include "sriov.h"

/* How far a device has come that is opened ahead of the call that asks for it. */
enum vftoken_ahead {
	VFTOKEN_EXPECTED, /* somebody is going to open it */
	VFTOKEN_QUEUED,   /* it can be opened */
	VFTOKEN_OPENED,   /* it is open, or was refused */
};

/* What is known of one open, by group or, with a path, by the device's own file (cdev). */
struct vftoken_opening {
	struct vftoken_context *ctx;
	int group_fd;
	const char *path;
	int device_fd;
	int iommufd;
	const char *name;
	uint64_t key;
	struct vftoken_sriov sriov;
	bool sriov_known;
	struct vftoken_rule *rule;
	const char *source; /* of the token, in words; NULL when there is none */
	bool sent;          /* the last try had the token */
	bool unchecked;     /* the kernel takes no token by cdev, so that it checks none */
	bool explained;
	int ret;         /* the device fd, or a negative errno value */
	bool first_user; /* if it can be opened at all, nobody else has it open */
	bool was_reset;  /* by the kernel's open for the first user, or after it */

	/* Of several devices that are opened together. */
	struct vftoken_opening *next;
	enum vftoken_ahead ahead;
	struct vftoken_held held;
};

/* Learn what sysfs and the rules say of the device. */
void vftoken_opening_prepare(struct vftoken_opening *o);

/* Open the prepared device. Each refusal is explained. */
void vftoken_opening_run(struct vftoken_opening *o);

/*
 * Take over what came of a device that was opened ahead, and say what there was to say of it. False
 * if it wasn't.
 */
bool vftoken_take_ahead(struct vftoken_opening *o);

/* Prepare and open the device, and together with it those that are queued. */
void vftoken_open_together(struct vftoken_opening *o);

/* Forget the devices that are expected or were opened ahead, and close them. */
void vftoken_clear_ahead(struct vftoken_context *ctx);

#endif /* VFTOKEN_OPENING_H */
