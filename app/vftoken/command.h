/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

/**
 * @file
 * What the files of dpdk-vftoken share: a file per command, and what commands are made from.
 */

#ifndef COMMAND_H
#define COMMAND_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include <vftoken/context.h>

/** The program's exit codes. */
enum exit_code {
	DONE = 0,
	FAILED = 1,  /**< failed or refused; of check: no */
	WRONG = 2,   /**< wrong usage */
	UNKNOWN = 2, /**< of check: it can't be found out */
};

/** What a command was given. */
struct arguments {
	bool json;
	const char *output;
	int count;
	char **words; /**< what isn't an option, in argv itself */
};

/** A command. */
struct command {
	const char *name;
	const char *synopsis; /**< its arguments, for a person */
	const char *summary;  /**< a line for the list of commands */
	const char *help;     /**< what else is to be known, in whole lines */
	bool json;            /**< it takes --json */
	bool output;          /**< it takes --output */
	int min_words;
	int max_words;
	enum exit_code (*run)(const struct arguments *arguments);
};

extern const struct command check_command;
extern const struct command disable_command;
extern const struct command enable_command;
extern const struct command generate_command;
extern const struct command set_command;
extern const struct command status_command;

/* The texts of the catalogue, each a constant of its own, so that compilers check the arguments. */
#define MESSAGE(id, level, text, cause, remedy) \
	static const char text_##id[] __attribute__((unused)) = text;
#include "messages.def"
#undef MESSAGE

/** A message's id and text; what the text takes follows. */
#define MSG(id) #id, text_##id

/**
 * Write a message to stderr, after the program's name and with its id behind.
 *
 * @return
 *   The exit code given.
 */
enum exit_code complain(enum exit_code code, const char *id, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

/** Write a result to stdout, as a line without its id. */
void answer(const char *id, const char *text, ...) __attribute__((format(printf, 2, 3)));

/**
 * Bring a device's argument into the kernel's form. A text that isn't a BDF isn't shown, and is
 * overwritten, as it may be a token.
 */
enum exit_code take_device(char *text, char bdf[VFTOKEN_BDF_SIZE]);

/**
 * Make a SOURCE argument the process's rule for all devices, and overwrite it if it is a literal.
 */
enum exit_code take_source(char *text);

/** The VFs of a PF by their use: the first of each kind, or an empty text. */
struct vfs_by_use {
	char used[VFTOKEN_BDF_SIZE];      /**< some process has its IOMMU group open */
	char unused[VFTOKEN_BDF_SIZE];    /**< on a VFIO driver, and its group isn't open */
	char elsewhere[VFTOKEN_BDF_SIZE]; /**< on a driver that isn't a VFIO one */
	char unknown[VFTOKEN_BDF_SIZE];   /**< on a VFIO driver, but its use can't be known */
};

/** Look how a PF's VFs, so many, are used. Those without a driver aren't. */
void sort_vfs(const char *pf, unsigned int num_vfs, struct vfs_by_use *vfs);

#endif /* COMMAND_H */
