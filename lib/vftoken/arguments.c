/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <string.h>

#include "private.h"

#define OPTION "vfio-vf-token"

void
vftoken_hide_rule(struct vftoken_context *ctx, const char *rule, int argc, char **argv)
{
	const size_t size = strlen(rule);
	bool visible = false;
	size_t length;
	int i;

	for (i = 0; i < argc; i++) {
		length = strlen(argv[i]);
		if (length >= size && strcmp(argv[i] + length - size, rule) == 0 &&
		    vftoken_mask_rule(argv[i] + length - size) < 0)
			visible = true;
	}
	if (!visible)
		return;
	pthread_mutex_lock(&ctx->lock);
	vftoken_say(ctx, MSG(argument_constant));
	pthread_mutex_unlock(&ctx->lock);
}

/* Whether an argument is the option, maybe shortened, whose value the parser takes as a rule. */
static bool
is_option(const char *argument, const char *shortest)
{
	const size_t length = strcspn(argument, "=");

	return length >= strlen("--") + strlen(shortest) && length <= strlen("--" OPTION) &&
	       strncmp(argument, "--" OPTION, length) == 0;
}

static bool
is_mistyped(const char *argument, const char *shortest)
{
	const size_t dashes = strspn(argument, "-");

	return dashes > 0 && strncmp(argument + dashes, "vf", 2) == 0 &&
	       !is_option(argument, shortest);
}

/* The application has options of its own, which may begin with vf as well. */
static bool
is_misplaced(const char *argument)
{
	const size_t dashes = strspn(argument, "-");

	return dashes > 0 && strncmp(argument + dashes, "vfio-vf", strlen("vfio-vf")) == 0;
}

void
vftoken_mask_arguments(const struct vftoken_context *ctx, const char *shortest, int argc,
		       char **argv)
{
	bool visible = false, behind = false, value = false, wrong;
	int i;

	for (i = 1; i < argc; i++) {
		wrong = behind ? is_misplaced(argv[i]) : is_mistyped(argv[i], shortest);
		if (!behind && strcmp(argv[i], "--") == 0)
			behind = true;
		else if ((wrong || (value && argv[i][0] != '-')) && vftoken_mask(argv[i]) < 0)
			visible = true;
		/* Without a '=' the next argument may be its value. */
		value = wrong && strchr(argv[i], '=') == NULL;
	}
	if (visible)
		vftoken_say(ctx, MSG(argument_constant));
}
