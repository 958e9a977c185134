/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "step.h"

/* A text for VFIO_GROUP_GET_DEVICE_FD of a VF whose PF has the right token. */
struct text {
	/* @ stands for the VF's name, # for the right token, ^ for that in capitals. */
	const char *form;
	int must;
};

#define TEXT_SIZE 512

/* Open the group of a VF whose PF has the right token. */
static void
open_group(const struct run *run, struct vftoken_vfio_group *group)
{
	step_give_token(run);
	verdict_answer(backend_open_group(group, run->vf), 0, "opening the group of %s", run->vf);
}

static int
get_device(const struct vftoken_vfio_group *group, const char *text)
{
	const int fd = ioctl(group->group_fd, VFIO_GROUP_GET_DEVICE_FD, text);

	return fd < 0 ? -errno : fd;
}

static void
expand(const struct run *run, const char *form, char text[TEXT_SIZE])
{
	char token[UUID_STR_LEN], capitals[UUID_STR_LEN];
	size_t length = 0;
	const char *part;
	char self[2] = "";

	uuid_unparse_lower(backend_token(TOKEN_RIGHT), token);
	uuid_unparse_upper(backend_token(TOKEN_RIGHT), capitals);
	for (; *form != '\0'; form++) {
		self[0] = *form;
		part = *form == '@'   ? run->vf
		       : *form == '#' ? token
		       : *form == '^' ? capitals
				      : self;
		strcpy(text + length, part);
		length += strlen(part);
	}
	text[length] = '\0';
}

static void
open_text(const struct run *run)
{
	const struct text *given = run->one->arg;
	struct vftoken_vfio_group group;
	char text[TEXT_SIZE];

	open_group(run, &group);
	expand(run, given->form, text);
	verdict_answer(get_device(&group, text), given->must, "VFIO_GROUP_GET_DEVICE_FD with '%s'",
		       given->form);
}

/* The longest text that the kernel takes, and a longer one. */
static void
open_long(const struct run *run)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *text = malloc((size_t)page + 1);
	struct vftoken_vfio_group group;

	open_group(run, &group);
	if (text == NULL)
		verdict_fail("out of memory");
	memset(text, ' ', (size_t)page + 1);
	expand(run, "@", text);
	text[strlen(text)] = ' ';
	memset(text + page - 10, 'x', 10);
	text[page] = '\0';
	verdict_answer(get_device(&group, text), -EINVAL, "a text of a page and more");
	text[page - 1] = '\0';
	verdict_answer(get_device(&group, text), -EINVAL, "an unknown option at a page's end");
	text[page - 10] = '\0';
	verdict_answer(get_device(&group, text), -EACCES, "a page of spaces instead of a token");
}

/* A text at an address without memory, and one whose end is missing. */
static void
open_no_memory(const struct run *run)
{
	const size_t length = strlen(run->vf);
	char *const text = step_end_of_memory() - length;
	struct vftoken_vfio_group group;

	open_group(run, &group);
	verdict_answer(get_device(&group, NULL), -EFAULT, "a text at address 0");
	memcpy(text, run->vf, length);
	verdict_answer(get_device(&group, text), -EFAULT,
		       "a text without an end at the end of memory");
}

/* Refused opens leave no user of the PF and no other token. */
static void
open_refused_often(const struct run *run)
{
	static const char *const forms[] = { "@", "@ vf_token=", "@ vf_token=# vf_token=#",
					     "@ x=y" };
	struct vftoken_vfio_group group;
	char text[TEXT_SIZE];
	unsigned int i;

	open_group(run, &group);
	for (i = 0; i < 1000; i++) {
		expand(run, forms[i % SUITE_DIM(forms)], text);
		if (get_device(&group, text) >= 0)
			verdict_fail("'%s' has opened the VF", forms[i % SUITE_DIM(forms)]);
	}
	step_try(run, run->pf, TOKEN_NONE, 0);
	expand(run, "@ vf_token=#", text);
	verdict_answer(get_device(&group, text), 0, "the right token after a thousand refusals");
}

#define TEXT(name, form, must, holds) \
	{ \
		"option/" name, holds, open_text, &(const struct text){ form, must }, \
			GROUP_ONLY | KEEPS_TOKEN \
	}

const struct suite_case option_cases[] = {
	TEXT("plain", "@ vf_token=#", 0, "A name, a space and vf_token=UUID open a VF."),
	TEXT("capitals", "@ vf_token=^", 0, "The UUID's hex digits may be capitals."),
	TEXT("spaces", "@   vf_token=#  ", 0, "More spaces around the option don't matter."),
	TEXT("space-only", "@ ", -EACCES,
	     "A name with a space and no option is a name without a token."),
	TEXT("empty", "@ vf_token=", -EINVAL, "An empty token is refused with EINVAL."),
	TEXT("no-equals", "@ vf_token", -EINVAL, "A key without = is refused with EINVAL."),
	TEXT("short", "@ vf_token=3e7e882e-1daf-417f-ad8d-882eea5ee33", -EINVAL,
	     "A UUID that lacks a character is refused with EINVAL."),
	TEXT("no-dashes", "@ vf_token=3e7e882e1daf417fad8d882eea5ee33700000", -EINVAL,
	     "A UUID without dashes is refused with EINVAL."),
	TEXT("moved-dash", "@ vf_token=3e7e882-e1daf-417f-ad8d-882eea5ee337", -EINVAL,
	     "A UUID with a dash in the wrong place is refused with EINVAL."),
	TEXT("braces", "@ vf_token={#}", -EINVAL, "A UUID in braces is refused with EINVAL."),
	TEXT("quotes", "@ vf_token=\"#\"", -EINVAL, "A UUID in quotes is refused with EINVAL."),
	TEXT("not-hex", "@ vf_token=3e7e882e-1daf-417f-ad8d-882eea5ee33g", -EINVAL,
	     "A UUID with a character that isn't hex is refused with EINVAL."),
	TEXT("long", "@ vf_token=#0", -EINVAL,
	     "The right UUID with one more character is refused with EINVAL."),
	TEXT("line-end", "@ vf_token=#\n", -EINVAL,
	     "The right UUID with a line end is refused with EINVAL."),
	TEXT("space-before-value", "@ vf_token= #", -EINVAL,
	     "A space between = and the UUID is refused with EINVAL."),
	TEXT("doubled", "@ vf_token=# vf_token=#", -EINVAL,
	     "A token given twice is refused with EINVAL, even if it is the right one."),
	TEXT("unknown", "@ colour=red", -EINVAL, "An unknown key is refused with EINVAL."),
	TEXT("unknown-after", "@ vf_token=# colour=red", -EINVAL,
	     "An unknown key after the right token is refused with EINVAL."),
	TEXT("unknown-before", "@ colour=red vf_token=#", -EINVAL,
	     "An unknown key before the right token is refused with EINVAL."),
	TEXT("key-capitals", "@ VF_TOKEN=#", -EINVAL,
	     "The key in capitals is an unknown one: EINVAL."),
	TEXT("key-prefix", "@ xvf_token=#", -EINVAL,
	     "A key that only ends with vf_token is an unknown one: EINVAL."),
	TEXT("tab", "@\tvf_token=#", -ENODEV,
	     "A tab doesn't end the name: no such device, ENODEV."),
	TEXT("comma", "@,vf_token=#", -ENODEV,
	     "A comma doesn't end the name: no such device, ENODEV."),
	TEXT("comma-between", "@ vf_token=#,vf_token=#", -EINVAL,
	     "A comma doesn't end an option: EINVAL."),
	TEXT("longer-name", "@0 vf_token=#", -ENODEV,
	     "A name that only begins with the device's is no such device: ENODEV."),
	TEXT("shorter-name", "0000: vf_token=#", -ENODEV,
	     "A beginning of the device's name is no such device: ENODEV."),
	TEXT("other-name", "ffff:ff:1f.7 vf_token=#", -ENODEV,
	     "The name of a device that isn't in the group is no such device: ENODEV."),
	TEXT("space-first", " @ vf_token=#", -ENODEV,
	     "A space before the name: no such device, ENODEV."),
	TEXT("nothing", "", -ENODEV, "An empty text is no such device: ENODEV."),
	SUITE_CASE(
		"option/page", open_long, GROUP_ONLY | KEEPS_TOKEN,
		"A text of a page and more is refused with EINVAL, and a shorter one is read to its end."),
	SUITE_CASE("option/no-memory", open_no_memory, GROUP_ONLY | KEEPS_TOKEN,
		   "A text that can't be read is refused with EFAULT."),
	SUITE_CASE("option/refused-often", open_refused_often, GROUP_ONLY,
		   "A thousand refused opens leave the VF unused and the token as it was."),
	SUITE_END,
};
