/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * VF tokens of a process: the rules that say which device takes which token.
 *
 * A rule is a text `[BDF=]SOURCE`. BDF names a device, as `0000:01:00.0` or `01:00.0`, in any hex
 * case; a rule that names a PF covers its VFs too; a rule without a BDF is the default. SOURCE says
 * where the token, a UUID, comes from (see vf_token_source.h).
 *
 * Add the rules before other threads open devices: the functions below don't lock.
 */

#ifndef VF_TOKEN_H
#define VF_TOKEN_H

#include <limits.h>

#include <uuid/uuid.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a BDF with a domain of 32 bits, `ffffffff:ff:1f.7`, and its final NUL. */
#define VFTOKEN_BDF_SIZE 17

/** Room for a reason that names a file, with its final NUL. */
#define VFTOKEN_WHY_SIZE (PATH_MAX + 256)

/** Most rules that a process may have. */
#define VFTOKEN_MAX_RULES 65536

enum vftoken_log_level {
	VFTOKEN_LOG_ERR,
	VFTOKEN_LOG_WARNING,
	VFTOKEN_LOG_INFO,
};

/**
 * Receives each message: one whole sentence, without a line end, that never holds a token.
 */
typedef void (*vftoken_log_t)(enum vftoken_log_level level, const char *message, void *opaque);

/** A set of rules, and where its messages go. */
struct vftoken;

/** One rule of a set. */
struct vftoken_rule;

/**
 * Create an empty set of rules. Its messages go nowhere until vftoken_set_log().
 *
 * @return
 *   The set, to be freed with vftoken_destroy(); NULL when out of memory.
 */
struct vftoken *vftoken_create(void);

/**
 * Forget all rules and free a set made by vftoken_create().
 *
 * @param vt
 *   The set; NULL does nothing.
 */
void vftoken_destroy(struct vftoken *vt);

/**
 * The set of rules that belongs to this process. It is there from the start and is never freed.
 */
struct vftoken *vftoken_process(void);

/**
 * Say where messages go.
 *
 * @param vt
 *   The set of rules.
 * @param log
 *   Called with each message; NULL for none.
 * @param opaque
 *   Handed to each call of log.
 */
void vftoken_set_log(struct vftoken *vt, vftoken_log_t log, void *opaque);

/**
 * Add one rule. A refused rule changes nothing, and one error message says what is wrong with it.
 *
 * @param vt
 *   The set of rules.
 * @param text
 *   `[BDF=]SOURCE`. The text isn't kept.
 * @return
 *   0, or
 *   -EINVAL: the text is malformed;
 *   -EEXIST: there is a rule for this BDF (or a default) already, or its fd is another rule's;
 *   -EBADF: the fd of an `fd:` source isn't open;
 *   -ENOSPC: there are VFTOKEN_MAX_RULES rules already;
 *   -ENOMEM, or what memfd_create(2) and pwrite(2) return: the token can't be kept.
 */
int vftoken_add_rule(struct vftoken *vt, const char *text);

/**
 * Forget all rules, and with them each token that was kept for them.
 */
void vftoken_clear(struct vftoken *vt);

/**
 * Find the rule for a device: its own, else its PF's, else the default.
 *
 * @param vt
 *   The set of rules.
 * @param bdf
 *   The device, or NULL for the default rule.
 * @param pf
 *   The device's PF; NULL or empty when the device isn't a VF.
 * @return
 *   The rule, valid until rules are added or cleared; NULL when there is none.
 */
struct vftoken_rule *vftoken_find(const struct vftoken *vt, const char *bdf, const char *pf);

/**
 * Read a rule's token from its source, now.
 *
 * @param vt
 *   The set that the rule is of.
 * @param rule
 *   From vftoken_find().
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @param why
 *   Receives, on failure, the reason; on success a warning or an empty text.
 * @return
 *   0, or a negative errno value (see vftoken_source_read()).
 */
int vftoken_read(struct vftoken *vt, struct vftoken_rule *rule, uuid_t token,
		char why[VFTOKEN_WHY_SIZE]);

/**
 * A rule's source in words fit for messages: a literal token is masked.
 */
const char *vftoken_rule_source(const struct vftoken_rule *rule);

/**
 * Bring a BDF into the kernel's form, `0000:01:00.0`.
 *
 * @param text
 *   `[domain:]bus:device.function`, in hex of any case, as DPDK accepts it: a domain of up to 32
 *   bits, a bus up to ff, a device up to 1f and a function up to 7 (PCI Local Bus Specification
 *   3.0, section 3.2.2.3.2).
 * @param bdf
 *   Receives the BDF. Untouched on failure.
 * @return
 *   0, or -EINVAL (not of that form) or -ERANGE (a number is too large).
 */
int vftoken_parse_bdf(const char *text, char bdf[VFTOKEN_BDF_SIZE]);

/**
 * Send a message to the receiver of vftoken_set_log(). For libvftoken's own use.
 */
void vftoken_log(const struct vftoken *vt, enum vftoken_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif /* VF_TOKEN_H */
