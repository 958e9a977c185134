/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "store.h"

static int
make_file(struct vftoken_store *store)
{
	const int fd = vftoken_fd_raise(memfd_create("vf_token", MFD_CLOEXEC));
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0) {
		const int err = errno;

		close(fd);
		return -err;
	}
	store->fd = fd;
	store->dev = st.st_dev;
	store->ino = st.st_ino;
	return 0;
}

/* Whether the descriptor is still that of the store, as programs close what they don't know. */
static int
check_file(const struct vftoken_store *store)
{
	struct stat st;

	if (fstat(store->fd, &st) < 0)
		return errno == EBADF ? -ESTALE : -errno;
	return st.st_dev == store->dev && st.st_ino == store->ino ? 0 : -ESTALE;
}

int
vftoken_store_put(struct vftoken_store *store, const vftoken_uuid_t token, uint32_t *slot)
{
	const uint32_t to = *slot == VFTOKEN_STORE_NONE ? store->used : *slot;
	const off_t offset = (off_t)(to * sizeof(vftoken_uuid_t));
	const int ret = store->fd < 0 ? make_file(store) : check_file(store);

	if (ret < 0)
		return ret;
	errno = EIO;
	if (pwrite(store->fd, token, sizeof(vftoken_uuid_t), offset) != sizeof(vftoken_uuid_t))
		return -errno;
	*slot = to;
	store->used += to == store->used;
	return 0;
}

int
vftoken_store_get(const struct vftoken_store *store, uint32_t slot, vftoken_uuid_t token)
{
	const off_t offset = (off_t)(slot * sizeof(vftoken_uuid_t));
	const int ret = check_file(store);

	if (ret < 0)
		return ret;
	return pread(store->fd, token, sizeof(vftoken_uuid_t), offset) == sizeof(vftoken_uuid_t)
		       ? 0
		       : -EIO;
}

void
vftoken_store_clear(struct vftoken_store *store)
{
	static const vftoken_uuid_t wiped;
	ssize_t written = 0;
	uint32_t slot;

	if (store->fd >= 0 && check_file(store) != -ESTALE) {
		/* A child of fork(2) has the file too. One of these two is enough for it. */
		for (slot = 0; slot < store->used && written >= 0; slot++)
			written = pwrite(store->fd, wiped, sizeof(wiped),
					 (off_t)(slot * sizeof(vftoken_uuid_t)));
		if (ftruncate(store->fd, 0) < 0)
			errno = 0;
		close(store->fd);
	}
	*store = (struct vftoken_store)VFTOKEN_STORE_INIT;
}
