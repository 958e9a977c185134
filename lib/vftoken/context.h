/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * The context: the rules that say which device takes which VF token, how many VFs a PF shall have,
 * where messages go, and the devices that this process has open.
 *
 * A rule is a text `[BDF=]SOURCE`. BDF names a device, as `0000:01:00.0` or `01:00.0`, in any hex
 * case. A rule that names a PF covers its VFs too. A rule without a BDF is the default. SOURCE says
 * where the token, a UUID, comes from:
 *
 * | source      | what it is                                                                    |
 * |-------------|-------------------------------------------------------------------------------|
 * | a UUID      | the token itself, 36 characters in any hex case                               |
 * | `file:PATH` | a file (or FIFO) that holds the UUID; it is read each time                    |
 * | `env:NAME`  | an environment variable that holds the UUID; wiped and unset once it was read |
 * | `fd:N`      | an open file descriptor from which the UUID is read, once, then it is closed  |
 *
 * A file or fd holds one UUID, with or without white space around it, in at most 4 KiB. The nil
 * UUID is no token. A file that its group or others may write is refused, since any of them could
 * set the token; so is one whose owner, or the owner of a link in its path, is neither root nor the
 * effective user. (In a user namespace, owners that it doesn't map count as root, as nobody inside
 * can be one.) A file that others may read, by its mode or its access control list, draws a
 * warning. The mode of a memory file (memfd_create(2)) doesn't count, since others can't open it.
 *
 * A file is replaced in three steps, so that at each moment one of two files has the current token:
 * the next token is written to `PATH.next`; vftoken_pf_reload_token() sets it, then renames the
 * file. An open that is refused with the token in the file tries the one in `PATH.next`, if that is
 * there.
 *
 * With `env:NAME,stay` the variable stays as it is. A variable in memory that can't be written,
 * such as a constant given to putenv(3), is unset and draws a warning. A variable that is set again
 * is read again.
 *
 * Reading a source fails with -EINVAL (what it holds isn't a UUID, or is the nil UUID), -EFBIG
 * (more than 4 KiB), -EISDIR (a directory), -EPERM (others could set the token), -ETIMEDOUT (in
 * five seconds nobody wrote and closed the FIFO or pipe, or the file system didn't answer), -ENOENT
 * (no such variable), -ESTALE (what was read before is lost, since the program has closed a
 * descriptor of the library) or what open(2), fstat(2) and read(2) return.
 *
 * All functions on a context may be called from any thread, and several threads may open devices at
 * once. The log function is called by the thread that made the call, and must not call back. The
 * context isn't locked while the kernel opens or closes a device, a source is read or the token
 * provider is asked; vftoken_context_clear() waits for them. It is locked while VFs are waited for
 * (VFTOKEN_PF_WAIT_MS).
 */

#ifndef VFTOKEN_CONTEXT_H
#define VFTOKEN_CONTEXT_H

#include <stddef.h>

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a BDF with a domain of 32 bits, `ffffffff:ff:1f.7`, and its final NUL. */
#define VFTOKEN_BDF_SIZE 17

/** Where the kernel shows its PCI devices. */
#define VFTOKEN_SYSFS_DEVICES "/sys/bus/pci/devices"

/** Most devices that rules and numbers of VFs may name. */
#define VFTOKEN_MAX_RULES 65536

/** How much a message matters. */
enum vftoken_log_level {
	VFTOKEN_LOG_ERR,     /**< something was refused, or failed */
	VFTOKEN_LOG_WARNING, /**< it was done, but should be looked at */
	VFTOKEN_LOG_INFO,    /**< what was done */
};

/**
 * Receives each message.
 *
 * @param level
 *   How much it matters.
 * @param id
 *   Its name in the catalogue, by which the troubleshooting guide has its cause and remedy.
 * @param text
 *   One line without a line end, that never holds a token.
 * @param opaque
 *   From vftoken_context_set_log().
 */
typedef void (*vftoken_log_t)(enum vftoken_log_level level, const char *id, const char *text,
			      void *opaque);

/**
 * Asks another process for a device's token.
 *
 * @return
 *   The memory file that vftoken_transfer_token() made there, or
 *   -ENOKEY: no rule covers the device there either;
 *   -EOPNOTSUPP: the other process has no libvftoken;
 *   or another negative errno value: it couldn't be asked or can't read the token.
 */
typedef int (*vftoken_provider_t)(const char *name, void *opaque);

/** The context. */
struct vftoken_context;

/**
 * Create an empty context. It gives out no messages until vftoken_context_set_log().
 *
 * @return
 *   The context, to be freed with vftoken_context_destroy(); NULL when out of memory.
 */
VFTOKEN_API
struct vftoken_context *vftoken_context_create(void);

/**
 * Clear and free a context made by vftoken_context_create().
 *
 * @param ctx
 *   The context; NULL does nothing.
 */
VFTOKEN_API
void vftoken_context_destroy(struct vftoken_context *ctx);

/**
 * The context of this process. It exists from the start and is never freed. DPDK's EAL uses it.
 */
VFTOKEN_API
struct vftoken_context *vftoken_context_process(void);

/**
 * Say where messages go.
 *
 * @param ctx
 *   The context.
 * @param log
 *   Called with each message; NULL for none.
 * @param opaque
 *   Handed to each call of log.
 */
VFTOKEN_API
void vftoken_context_set_log(struct vftoken_context *ctx, vftoken_log_t log, void *opaque);

/**
 * Set the token provider: who is asked for the token of a device that no rule covers.
 *
 * @param ctx
 *   The context.
 * @param provider
 *   Called by vftoken_open() when the kernel takes a token; NULL for none.
 * @param opaque
 *   Handed to each call of provider.
 * @param name
 *   Who it is, in words for messages, such as `the primary process`. The text isn't copied.
 */
VFTOKEN_API
void vftoken_context_set_provider(struct vftoken_context *ctx, vftoken_provider_t provider,
				  void *opaque, const char *name);

/**
 * Set the folder in which the kernel shows its PCI devices, if it isn't VFTOKEN_SYSFS_DEVICES.
 *
 * @param ctx
 *   The context.
 * @param devices
 *   The folder that holds a folder per device. The text isn't copied.
 */
VFTOKEN_API
void vftoken_context_set_sysfs(struct vftoken_context *ctx, const char *devices);

/**
 * Add one rule. A refused rule changes nothing, and one error message says what is wrong with it.
 *
 * @param ctx
 *   The context.
 * @param text
 *   `[BDF=]SOURCE`. The text isn't kept.
 * @return
 *   0, or
 *   -EINVAL: the text is malformed;
 *   -EEXIST: there is another rule for this BDF (or another default) already, or its fd is another
 *   rule's; an equal rule may be given again;
 *   -EBADF: the fd of an `fd:` source isn't open;
 *   -ENOSPC: there are VFTOKEN_MAX_RULES already;
 *   -ENOMEM, -ESTALE, or what memfd_create(2) and pwrite(2) return: the token can't be kept.
 */
VFTOKEN_API
int vftoken_add_rule(struct vftoken_context *ctx, const char *text);

/**
 * Overwrite the token in the text of a rule, such as an argument in argv, if it is a literal one.
 * What may be a token, as its source is of no known kind or has the shape of a UUID, is overwritten
 * too.
 *
 * @param text
 *   As given to vftoken_add_rule(); a BDF and any other source stay.
 * @return
 *   0, or -EFAULT: the text is in memory that can't be written, such as a constant, and stays.
 */
VFTOKEN_API
int vftoken_mask_rule(char *text);

/**
 * Overwrite whatever has the shape of a UUID in a text, such as an argument in argv that isn't
 * understood: each row of at least 20 hex digits and hyphens becomes a row of `*`.
 *
 * @param text
 *   Any text.
 * @return
 *   0, or -EFAULT: the text is in memory that can't be written, such as a constant, and stays.
 */
VFTOKEN_API
int vftoken_mask(char *text);

/**
 * Keep the numbers of stdin, stdout and stderr that are closed, so that no file that the process
 * opens later gets them, and with them what the program prints. Reading and writing them fails
 * (O_PATH in open(2)), as if they were closed.
 */
VFTOKEN_API
void vftoken_keep_standard_fds(void);

/**
 * Make a text fit for a terminal or a log: vftoken_mask() it, and overwrite each control character,
 * and what isn't UTF-8, with `?`.
 *
 * @param text
 *   Any text in memory that can be written.
 */
VFTOKEN_API
void vftoken_make_printable(char *text);

/**
 * vftoken_mask_rule() a rule wherever it ends one of the arguments. What can't be overwritten draws
 * a warning.
 *
 * @param ctx
 *   The context.
 * @param rule
 *   As given to vftoken_add_rule().
 * @param argc
 *   How many arguments there are.
 * @param argv
 *   The arguments, or copies of them.
 */
VFTOKEN_API
void vftoken_hide_rule(struct vftoken_context *ctx, const char *rule, int argc, char **argv);

/**
 * Begin a program's start, before all else: call vftoken_keep_standard_fds(), and vftoken_mask()
 * each argument by which somebody may have meant --vfio-vf-token, but which the parser prints or
 * leaves where it is: a mistyped one, and one behind `--`. What can't be overwritten draws a
 * warning.
 *
 * Rules and numbers of VFs of an earlier start, which failed, no longer count. The same arguments
 * may be given again: a literal that was overwritten since (vftoken_hide_rule()) stands for the
 * token that it was.
 *
 * @param ctx
 *   The context.
 * @param shortest
 *   The shortest form of the option's name that the parser takes, such as `vfio-v`.
 * @param argc
 *   How many arguments there are.
 * @param argv
 *   The arguments. The first is the program's name.
 */
VFTOKEN_API
void vftoken_start_begin(struct vftoken_context *ctx, const char *shortest, int argc, char **argv);

/**
 * Check that only this user and root can reach sockets, and replace them or their folder. Otherwise
 * one error message says why not, and what to do.
 *
 * @param ctx
 *   The context.
 * @param path
 *   The sockets' folder.
 * @param prefix
 *   What the sockets' names begin with.
 * @return
 *   0, or -EPERM, or what realpath(3) and opendir(3) return.
 */
VFTOKEN_API
int vftoken_check_sockets(struct vftoken_context *ctx, const char *path, const char *prefix);

/**
 * Say how many VFs a PF shall have when this process opens it (vftoken_pf_start() in pf.h). A
 * refused text changes nothing, and one error message says what is wrong with it.
 *
 * @param ctx
 *   The context.
 * @param text
 *   `[BDF=]N`, N from 1 to 65535, decimal; without a BDF for each SR-IOV PF that has no number of
 *   its own. The text isn't kept.
 * @return
 *   0, or -EINVAL (malformed), -EEXIST (there is another number for this BDF already),
 *   -ENOSPC (VFTOKEN_MAX_RULES) or -ENOMEM.
 */
VFTOKEN_API
int vftoken_add_num_vfs(struct vftoken_context *ctx, const char *text);

/**
 * End a program's start, when it has opened its devices: say which rules and numbers of VFs for one
 * device nothing was done with, and when the process has also opened VFs that it has enabled for
 * others. A number of VFs that isn't done is an error.
 *
 * @param ctx
 *   The context. With a token provider, numbers of VFs aren't looked at.
 * @return
 *   0, or
 *   -ENODEV: this process hasn't opened a PF that shall have VFs;
 *   -ECANCELED: such a PF's vftoken_pf_start() has failed, which was said.
 */
VFTOKEN_API
int vftoken_start_end(struct vftoken_context *ctx);

/**
 * Begin a program's end: from now on a device that vftoken_closing() names is kept until
 * vftoken_context_clear(). A device also stays open as long as its memory is mapped (mmap(2)), so
 * unmap it before that.
 *
 * @param ctx
 *   The context.
 */
VFTOKEN_API
void vftoken_stop_begin(struct vftoken_context *ctx);

/**
 * Forget all rules, numbers of VFs and open devices, and each token that was kept, also for the
 * children of fork(2). It waits for the threads that open a device, read a source or ask the token
 * provider, which must not call it.
 */
VFTOKEN_API
void vftoken_context_clear(struct vftoken_context *ctx);

/**
 * Read the default rule's token from its source, now.
 *
 * @param ctx
 *   The context.
 * @param token
 *   Receives the token. The caller wipes it after use. Untouched on failure.
 * @return
 *   0, or -ENOENT (there is no default rule), or a negative errno value of reading its source,
 *   which one error message explains.
 */
VFTOKEN_API
int vftoken_read_default(struct vftoken_context *ctx, vftoken_uuid_t token);

/**
 * List the devices that this process has to do with: those that a rule names, in the order of their
 * addresses, then others that are open.
 *
 * @param ctx
 *   The context.
 * @param bdfs
 *   Receives the devices, each once.
 * @param max
 *   How many bdfs has room for.
 * @return
 *   How many there are, which may be more than max.
 */
VFTOKEN_API
unsigned int vftoken_list_devices(struct vftoken_context *ctx, char bdfs[][VFTOKEN_BDF_SIZE],
				  unsigned int max);

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
VFTOKEN_API
int vftoken_parse_bdf(const char *text, char bdf[VFTOKEN_BDF_SIZE]);

#ifdef __cplusplus
}
#endif

#endif /* VFTOKEN_CONTEXT_H */
