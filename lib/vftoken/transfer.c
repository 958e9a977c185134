/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "transfer.h"
#include "store.h"

int
vftoken_transfer_make(const uuid_t token)
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
vftoken_transfer_take(int fd, uuid_t token)
{
	struct vftoken_store store = { .fd = fd, .used = 1 };
	const uuid_t wiped = { 0 };
	uint32_t slot = 0;
	uuid_t taken;
	int ret;

	ret = vftoken_store_get(&store, slot, taken);
	if (ret == 0 && (uuid_is_null(taken) || vftoken_store_put(&store, wiped, &slot) < 0))
		ret = -EIO;
	if (ret == 0)
		uuid_copy(token, taken);
	explicit_bzero(taken, sizeof(taken));
	vftoken_store_clear(&store);
	return ret;
}
