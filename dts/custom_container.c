/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/*
 * An application with VFIO containers of its own, as DPDK 26.11's drivers may have them:
 * custom_container DEVICE EAL-ARGUMENT...
 *
 * Twice it makes a container, assigns the device to it, and destroys it, and says each time whether
 * the device is one that is open.
 */

#include <err.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include <dev_vfio.h>
#include <vftoken/info.h>

static void
show(const char *what, const char *device)
{
	struct vftoken_info info = { .size = sizeof(info) };

	if (vftoken_info_read(vftoken_context_process(), device, &info) < 0)
		errx(1, "%s isn't there", device);
	printf("%s: %s\n", what, info.open ? "open" : "closed");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	char *device = argv[1];
	int i, fd;

	argv[1] = argv[0];
	if (rte_eal_init(argc - 1, argv + 1) < 0)
		errx(1, "rte_eal_init: %s", rte_strerror(rte_errno));
	for (i = 0; i < 2; i++) {
		fd = dev_vfio_container_create();
		if (fd < 0)
			errx(1, "dev_vfio_container_create: %s", rte_strerror(rte_errno));
		if (dev_vfio_container_assign_device(fd, VFTOKEN_SYSFS_DEVICES, device) < 0)
			errx(1, "dev_vfio_container_assign_device: %s", rte_strerror(rte_errno));
		show("assigned", device);
		if (dev_vfio_container_destroy(fd) < 0)
			errx(1, "dev_vfio_container_destroy: %s", rte_strerror(rte_errno));
		show("destroyed", device);
	}
	return rte_eal_cleanup() < 0;
}
