/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the headers of libvftoken share.
 */

#ifndef VFTOKEN_API_H
#define VFTOKEN_API_H

/** A function that the shared library exports. */
#define VFTOKEN_API __attribute__((visibility("default")))

/** A function that takes a format as printf(3) does, and its arguments, by their numbers. */
#define VFTOKEN_PRINTF(format_number, first_number) \
	__attribute__((format(printf, format_number, first_number)))

/** A UUID: its 16 bytes in the order of its text, as libuuid's uuid_t has them. */
typedef unsigned char vftoken_uuid_t[16];

#endif /* VFTOKEN_API_H */
