/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store.h"

int
vftoken_store_put(struct vftoken_store *store, const uuid_t token, uint32_t *slot)
{
	const uint32_t to = *slot == VFTOKEN_STORE_NONE ? store->used : *slot;
	const off_t offset = (off_t)(to * sizeof(uuid_t));

	errno = EIO;
	if (store->fd < 0)
		store->fd = memfd_create("vf_token", MFD_CLOEXEC);
	if (store->fd < 0 || pwrite(store->fd, token, sizeof(uuid_t), offset) != sizeof(uuid_t))
		return -errno;
	*slot = to;
	store->used += to == store->used;
	return 0;
}

int
vftoken_store_get(const struct vftoken_store *store, uint32_t slot, uuid_t token)
{
	const off_t offset = (off_t)(slot * sizeof(uuid_t));

	return pread(store->fd, token, sizeof(uuid_t), offset) == sizeof(uuid_t) ? 0 : -EIO;
}

void
vftoken_store_clear(struct vftoken_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	*store = (struct vftoken_store)VFTOKEN_STORE_INIT;
}
