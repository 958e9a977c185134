/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "transfer.h"
#include "store.h"

int
vftoken_transfer_make(const vftoken_uuid_t token)
{
	struct vftoken_store store = VFTOKEN_STORE_INIT;
	uint32_t slot = VFTOKEN_STORE_NONE;
	int ret;

	ret = vftoken_store_put(&store, token, &slot);
	if (ret < 0) {
		vftoken_store_clear(&store);
		return ret;
	}
	return store.fd;
}

int
vftoken_transfer_take(int fd, vftoken_uuid_t token)
{
	static const vftoken_uuid_t wiped;
	vftoken_uuid_t taken;
	int ret = -EIO;

	if (pread(fd, taken, sizeof(taken), 0) == sizeof(taken) &&
	    memcmp(taken, wiped, sizeof(wiped)) != 0 &&
	    pwrite(fd, wiped, sizeof(wiped), 0) == sizeof(wiped)) {
		memcpy(token, taken, sizeof(vftoken_uuid_t));
		ret = 0;
	}
	explicit_bzero(taken, sizeof(taken));
	close(fd);
	return ret;
}
