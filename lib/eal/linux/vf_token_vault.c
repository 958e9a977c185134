/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vf_token_vault.h"

int
vftoken_vault_put(struct vftoken_vault *vault, const uuid_t token, uint32_t *slot)
{
	const uint32_t to = *slot == VFTOKEN_VAULT_NONE ? vault->used : *slot;
	const off_t offset = (off_t)(to * sizeof(uuid_t));

	errno = EIO;
	if (vault->fd < 0)
		vault->fd = memfd_create("vf_token", MFD_CLOEXEC);
	if (vault->fd < 0 ||
	    pwrite(vault->fd, token, sizeof(uuid_t), offset) != sizeof(uuid_t))
		return -errno;
	*slot = to;
	vault->used += to == vault->used;
	return 0;
}

int
vftoken_vault_get(const struct vftoken_vault *vault, uint32_t slot, uuid_t token)
{
	const off_t offset = (off_t)(slot * sizeof(uuid_t));

	return pread(vault->fd, token, sizeof(uuid_t), offset) == sizeof(uuid_t) ? 0 : -EIO;
}

void
vftoken_vault_clear(struct vftoken_vault *vault)
{
	if (vault->fd >= 0)
		close(vault->fd);
	*vault = (struct vftoken_vault)VFTOKEN_VAULT_INIT;
}
