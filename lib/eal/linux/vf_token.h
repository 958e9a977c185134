/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * VF tokens of a process: the rules that say which device takes which token.
 *
 * A rule is a text `[BDF=]SOURCE`. BDF names a device, as `0000:01:00.0` or `01:00.0`, in any hex
 * case; a rule that names a PF covers its VFs too; a rule without a BDF is the default. SOURCE says
 * where the token, a UUID, comes from:
 *
 * | source      | what it is                                                                    |
 * |-------------|-------------------------------------------------------------------------------|
 * | a UUID      | the token itself, 36 characters in any hex case                               |
 * | `file:PATH` | a file (or FIFO) that holds the UUID; read afresh each time                   |
 * | `env:NAME`  | an environment variable that holds the UUID; wiped and unset once it was read |
 * | `fd:N`      | an open file descriptor from which the UUID is read, once, then it is closed  |
 *
 * A file or fd holds one UUID, with white space around it or not, in at most 4 KiB. The nil UUID is
 * no token. A file that its group or others may write is refused, since any of them could set the
 * token; one that others may read draws a warning. A file without a name, such as a memory file, is
 * out of others' reach, so that its mode doesn't count.
 *
 * With `env:NAME,stay` the variable stays as it is, which one in memory that can't be written, such
 * as a constant given to putenv(3), must. One that is set anew is read anew.
 *
 * Reading a source fails with -EINVAL (what it holds isn't a UUID, or is the nil UUID), -EFBIG
 * (more than 4 KiB), -EISDIR (a directory), -EPERM (its group or others may write the file),
 * -ETIMEDOUT (nobody wrote and closed the FIFO or pipe in five seconds), -ENOENT (no such variable)
 * or what open(2), fstat(2) and read(2) return.
 *
 * All functions on a set may be called from any thread. A set is locked while a device is opened, a
 * source is read, which for a FIFO may take five seconds, VFs are waited for (PCI_PF_WAIT_MS),
 * messages are handed out (vftoken_set_log()) and another process is asked (vftoken_set_ask()): the
 * functions called for that must not call back.
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

/** How much a message matters. */
enum vftoken_log_level {
	VFTOKEN_LOG_ERR,	/**< something was refused, or failed */
	VFTOKEN_LOG_WARNING,	/**< it was done, but should be looked at */
	VFTOKEN_LOG_INFO,	/**< what was done */
};

/**
 * Receives each message: one whole sentence, without a line end, that never holds a token.
 */
typedef void (*vftoken_log_t)(enum vftoken_log_level level, const char *message, void *opaque);

/**
 * Asks another process for a device's token.
 *
 * @return
 *   The memory file that pci_vf_token_lend() made there, or
 *   -ENOKEY: no rule covers the device there either;
 *   or another negative errno value: it couldn't be asked or can't read the token.
 */
typedef int (*vftoken_ask_t)(const char *name, void *opaque);

/** A set of rules, and where its messages go. */
struct vftoken;

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
 * Say who is asked for the token of a device that no rule covers.
 *
 * @param vt
 *   The set of rules.
 * @param ask
 *   Called by pci_vf_token_open() when the kernel takes a token; NULL for none.
 * @param opaque
 *   Handed to each call of ask.
 * @param asked
 *   Who, in words for messages, such as `the primary process`. The text isn't copied.
 */
void vftoken_set_ask(struct vftoken *vt, vftoken_ask_t ask, void *opaque, const char *asked);

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
 * Overwrite the token in the text of a rule, such as an argument in argv, if it is a literal one.
 * What may be a token, as its source is of no known kind, is overwritten too.
 *
 * @param text
 *   As given to vftoken_add_rule(); a BDF and any other source stay.
 */
void vftoken_mask_rule(char *text);

/**
 * Say how many VFs a PF shall have when this process opens it (pci_pf_start() in pci_pf.h). A
 * refused text changes nothing, and one error message says what is wrong with it.
 *
 * @param vt
 *   The set of rules.
 * @param text
 *   `[BDF=]N`, N from 1 to 65535, decimal; without a BDF for each SR-IOV PF that has no number of
 *   its own. The text isn't kept.
 * @return
 *   0, or -EINVAL (malformed), -EEXIST (there is a number for this BDF already) or -ENOMEM.
 */
int vftoken_add_num_vfs(struct vftoken *vt, const char *text);

/**
 * Forget all rules, numbers of VFs and open devices, and each token that was kept.
 */
void vftoken_clear(struct vftoken *vt);

/**
 * Read the default rule's token from its source, now.
 *
 * @param vt
 *   The set of rules.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @return
 *   0, or -ENOENT (there is no default rule), or a negative errno value of reading its source,
 *   which one error message explains.
 */
int vftoken_read_default(struct vftoken *vt, uuid_t token);

/**
 * The devices that this process has to do with: those that a rule names, and those that are open.
 *
 * @param vt
 *   The set of rules.
 * @param bdfs
 *   Receives the devices, each once.
 * @param max
 *   How many bdfs has room for.
 * @return
 *   How many there are, which may be more than max.
 */
unsigned int vftoken_devices(struct vftoken *vt, char bdfs[][VFTOKEN_BDF_SIZE], unsigned int max);

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

#ifdef __cplusplus
}
#endif

#endif /* VF_TOKEN_H */
