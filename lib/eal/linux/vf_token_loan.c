/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vf_token_loan.h"
#include "vf_token_vault.h"

int
vftoken_loan_make(const uuid_t token)
{
	struct vftoken_vault vault = VFTOKEN_VAULT_INIT;
	uint32_t slot = VFTOKEN_VAULT_NONE;
	int ret;

	ret = vftoken_vault_put(&vault, token, &slot);
	if (ret < 0) {
		vftoken_vault_clear(&vault);
		return ret;
	}
	return vault.fd;
}

int
vftoken_loan_take(int fd, uuid_t token)
{
	struct vftoken_vault vault = { .fd = fd, .used = 1 };
	const uuid_t wiped = { 0 };
	uint32_t slot = 0;
	uuid_t taken;
	int ret;

	ret = vftoken_vault_get(&vault, slot, taken);
	if (ret == 0 && (uuid_is_null(taken) || vftoken_vault_put(&vault, wiped, &slot) < 0))
		ret = -EIO;
	if (ret == 0)
		uuid_copy(token, taken);
	explicit_bzero(taken, sizeof(taken));
	vftoken_vault_clear(&vault);
	return ret;
}
