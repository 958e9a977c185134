/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>

extern const char message_program[];

/** Say on stderr, in one sentence, what is refused, why and what to do; returns false. */
bool message_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* MESSAGE_H */
