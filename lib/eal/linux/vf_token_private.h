/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The inside of a set of rules, for libvftoken's own files. The functions are called with the set's
 * lock held.
 */

#ifndef VF_TOKEN_PRIVATE_H
#define VF_TOKEN_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "vf_token.h"
#include "vf_token_source.h"

/* The key of a rule without a BDF; a BDF's key has 48 bits. */
#define VFTOKEN_DEFAULT_KEY UINT64_MAX

struct vftoken_rule {
	uint64_t key;
	struct vftoken_source source;
};

/* How many VFs a PF shall have (vf_token_num_vfs.c). */
struct vftoken_num_vfs {
	struct vftoken_num_vfs *next;
	uint64_t key;
	uint16_t num_vfs;
};

/* A device that this process holds open (pci_vf_token.c). */
struct vftoken_opened {
	struct vftoken_opened *next;
	char bdf[VFTOKEN_BDF_SIZE];
	int device_fd;
	bool pf;
	bool vf;
	time_t token_set; /* when this process gave the kernel the PF's token; 0 for never */
};

struct vftoken {
	pthread_mutex_t lock;
	vftoken_log_t log;
	void *opaque;
	vftoken_ask_t ask;
	void *ask_opaque;
	const char *asked; /* who, in words */
	struct vftoken_vault vault;
	struct vftoken_rule *rules;
	uint32_t *buckets; /* hash table of the rules: an index plus one, or 0 */
	uint32_t n_rules;
	uint32_t n_buckets; /* a power of two, at least four times n_rules */
	struct vftoken_num_vfs *num_vfs;
	struct vftoken_opened *opened;
	const char *vfio; /* the folder of VFIO's group files */
};

#define VFTOKEN_INIT                                                                               \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, .vault = VFTOKEN_VAULT_INIT, .vfio = "/dev/vfio" \
	}

/* The key that a BDF is found by; 0, -EINVAL or -ERANGE as vftoken_parse_bdf(). */
int vftoken_parse_key(const char *text, uint64_t *key);

/* The BDF in the kernel's form that a key belongs to. */
void vftoken_format_key(uint64_t key, char bdf[VFTOKEN_BDF_SIZE]);

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
 * Ask another process for a device's token (vftoken_set_ask()).
 *
 * @param vt
 *   The set of rules, with an ask.
 * @param name
 *   The device's name.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @param why
 *   Receives, on failure, the reason; on success an empty text.
 * @return
 *   0, or -ENOKEY (the other process has none), -EIO, or what the ask returns.
 */
int vftoken_ask(const struct vftoken *vt, const char *name, uuid_t token,
		char why[VFTOKEN_WHY_SIZE]);

/* How many VFs a PF shall have, or without a name all PFs; 0 when nothing was said. */
uint16_t vftoken_find_num_vfs(const struct vftoken *vt, const char *name);

/* Send an error message, and return -err. */
int vftoken_refuse(const struct vftoken *vt, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Send a message to the receiver of vftoken_set_log(). For libvftoken's own use.
 */
void vftoken_log(const struct vftoken *vt, enum vftoken_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* VF_TOKEN_PRIVATE_H */
