/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The inside of a context, for libvftoken's own files. The functions are called with the context's
 * lock held.
 */

#ifndef VFTOKEN_PRIVATE_H
#define VFTOKEN_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "context.h"
#include "info.h"
#include "message.h"
#include "source.h"
#include "store.h"
#include "vfio.h"

/*
 * A BDF as a number of 48 bits, so that it is parsed once: domain, bus, device and function. The
 * two others are no device's.
 */
#define VFTOKEN_KEY_DEFAULT UINT64_MAX    /* of a rule without a BDF */
#define VFTOKEN_KEY_NONE (UINT64_MAX - 1) /* of what isn't a BDF, or isn't there */

/* Whether the VFs that a rule asks for are enabled. */
enum vftoken_done {
	VFTOKEN_NOT_TRIED,
	VFTOKEN_REFUSED,
	VFTOKEN_DONE,
};

/* What was asked for one device, or for all: a token's source, a number of VFs, or both. */
struct vftoken_rule {
	uint64_t key;
	bool has_source;              /* else the source, if there is one, is of an earlier start */
	bool found;                   /* for a device that was opened */
	struct vftoken_source source; /* shown is NULL for none */
	uint16_t num_vfs;             /* 0 for none */
	enum vftoken_done done;       /* of num_vfs */
};

/* A device that is released together with others: a second descriptor of its file. */
struct vftoken_closing {
	struct vftoken_closing *next;
	int device_fd;
};

/* A device that this process holds open. */
struct vftoken_handle {
	struct vftoken_handle *next;
	uint64_t key;
	int device_fd;
	uint64_t pf_key; /* of the PF, if it is a VF; else VFTOKEN_KEY_NONE */
	bool pf;
	bool was_reset;     /* for this open, or since */
	bool unchecked;     /* opened with a rule, on a kernel that checks no token there */
	time_t token_set;   /* when this process gave the kernel the PF's token; 0 for never */
	unsigned int round; /* the last round over all PFs in which its token was set */
};

struct vftoken_context {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int waiting; /* threads that will go on with what they hold of the context */
	vftoken_log_t log;
	void *log_opaque;
	vftoken_provider_t provider;
	void *provider_opaque;
	const char *provider_name; /* in words */
	const char *_Atomic sysfs; /* the folder with the PCI devices; read without the lock, too */
	const char *vfio;          /* the folder with VFIO's group files */
	const char *iommu;         /* the file of iommufd */
	enum vftoken_answer cdev_check; /* whether a bind takes a token; unknown until one did */
	struct vftoken_store store;
	struct vftoken_rule **rules; /* by key */
	size_t n_rules;
	struct vftoken_handle *handles;
	struct vftoken_opening *ahead;    /* devices that somebody is going to open, in order */
	bool together;                    /* a thread opens what is queued there */
	struct vftoken_closing *closings; /* that wait for the others */
	bool stopping;                    /* after vftoken_stop_begin() */
	_Atomic bool starting; /* between vftoken_start_begin() and vftoken_start_end() */
	unsigned int rounds;   /* over all PFs */
};

#define VFTOKEN_CONTEXT_INIT \
	{ \
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, \
		.store = VFTOKEN_STORE_INIT, .sysfs = VFTOKEN_SYSFS_DEVICES, \
		.vfio = VFTOKEN_VFIO_FOLDER, .iommu = VFTOKEN_IOMMU_FILE \
	}

/* The value of a hex digit of any case; -1 of what is none. */
static inline int
vftoken_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The key of a BDF; 0, -EINVAL or -ERANGE as vftoken_parse_bdf(). */
int vftoken_parse_key(const char *text, uint64_t *key);

/* The same of a BDF that ends with another character than NUL. */
int vftoken_parse_key_to(const char *text, char end, uint64_t *key);

/* The '=' behind a rule's BDF; NULL when it has none. A path or a name may hold one too. */
const char *vftoken_find_equals(const char *text);

/* Overwrite a text; 0, or -EFAULT: it is in memory that can't be written, and stays. */
int vftoken_overwrite(char *text);

/* The length of what a text begins with and may be a token (vftoken_mask()); 0 if there is none. */
size_t vftoken_secret_length(const char *text);

/*
 * vftoken_mask() each argument by which somebody may have meant --vfio-vf-token, but which the
 * parser prints or leaves where it is: a mistyped one, and one behind `--`.
 */
void vftoken_mask_arguments(const struct vftoken_context *ctx, const char *shortest, int argc,
			    char **argv);

/*
 * Give the lock up for what may wait: a file, a device, another process. Rules and handles may be
 * added meanwhile, and handles go, but no rule does.
 */
void vftoken_begin_wait(struct vftoken_context *ctx);
void vftoken_end_wait(struct vftoken_context *ctx);

/* Wait, with the lock held before and after, until a thread is at vftoken_end_wait(). */
void vftoken_wait_for_change(struct vftoken_context *ctx);

/* The BDF in the kernel's form that a key belongs to. */
void vftoken_format_key(uint64_t key, char bdf[VFTOKEN_BDF_SIZE]);

/**
 * Find the rule with a token's source for a device: its own, else its PF's, else the default.
 *
 * @param ctx
 *   The context.
 * @param key
 *   The device, or VFTOKEN_KEY_NONE for the default rule.
 * @param pf
 *   The device's PF; VFTOKEN_KEY_NONE when the device isn't a VF.
 * @return
 *   The rule, valid until the rules are cleared; NULL when there is none.
 */
struct vftoken_rule *vftoken_find_rule(const struct vftoken_context *ctx, uint64_t key,
				       uint64_t pf);

/* What was asked for a device, or with VFTOKEN_KEY_DEFAULT for all; NULL for nothing. */
struct vftoken_rule *vftoken_find_key(const struct vftoken_context *ctx, uint64_t key);

/* How many VFs a PF shall have, or with VFTOKEN_KEY_DEFAULT all PFs; 0 when nothing was said. */
uint16_t vftoken_find_num_vfs(const struct vftoken_context *ctx, uint64_t key);

/**
 * Read a rule's token from its source, now.
 *
 * @param ctx
 *   The context that the rule is of.
 * @param rule
 *   From vftoken_find_rule().
 * @param subject
 *   What it is read for. A failure or a warning is said.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @return
 *   0, or a negative errno value (see vftoken_source_read()).
 */
int vftoken_read_rule(struct vftoken_context *ctx, struct vftoken_rule *rule,
		      const struct vftoken_subject *subject, vftoken_uuid_t token);

/**
 * Ask the token provider for a device's token.
 *
 * @param ctx
 *   The context, with a provider.
 * @param name
 *   The device's name.
 * @param subject
 *   What it is asked for. A failure is said, but -ENOKEY.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @return
 *   0, or -ENOKEY (the provider has none), -EIO, or what the provider returns.
 */
int vftoken_ask_provider(struct vftoken_context *ctx, const char *name,
			 const struct vftoken_subject *subject, vftoken_uuid_t token);

/*
 * Forget what the rules and numbers of VFs of an earlier start say, but not the sources, which may
 * be given again.
 */
void vftoken_retire_rules(struct vftoken_context *ctx);

/*
 * Keep a device that its user is about to close, so that it is released together with others. If
 * that isn't possible, it is released at once.
 */
void vftoken_keep_closing(struct vftoken_context *ctx, int device_fd);

/* Release the devices that were kept, side by side. */
void vftoken_close_together(struct vftoken_context *ctx);

/* Forget all rules and numbers of VFs. */
void vftoken_clear_rules(struct vftoken_context *ctx);

/* The open device of this process; NULL when there is none. */
struct vftoken_handle *vftoken_find_handle(const struct vftoken_context *ctx, uint64_t key);

#endif /* VFTOKEN_PRIVATE_H */
