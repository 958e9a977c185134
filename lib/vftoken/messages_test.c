/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test_util.h"

/* Most characters of a text, without its arguments. */
#define MAX_CHARACTERS 160

static const struct entry {
	enum vftoken_log_level level;
	const char *id;
	const char *text;
	const char *cause;
	const char *remedy;
} entries[] = {
#define MESSAGE(id, level, text, cause, remedy) { VFTOKEN_LOG_##level, #id, text, cause, remedy },
#include "messages.def"
#undef MESSAGE
};

static unsigned int
count_characters(const char *text)
{
	unsigned int n = 0;

	/* In UTF-8 a character's further bytes start with the bits 10. */
	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* A text is one line that isn't too long, and has no full stop at its end. */
static void
texts(void **state)
{
	size_t i, length;
	const char *c;

	(void)state;
	assert_int_equal(TEST_DIM(entries), VFTOKEN_MESSAGES);
	for (i = 0; i < TEST_DIM(entries); i++) {
		const struct entry *entry = &entries[i];

		length = strlen(entry->text);
		if (length == 0 || entry->text[length - 1] == '.')
			fail_msg("%s is empty, or ends in a full stop", entry->id);
		if (isspace((unsigned char)entry->text[0]) ||
		    isspace((unsigned char)entry->text[length - 1]))
			fail_msg("%s starts or ends with white space", entry->id);
		for (c = entry->text; *c != '\0'; c++)
			if (iscntrl((unsigned char)*c))
				fail_msg("%s has a control character", entry->id);
		if (count_characters(entry->text) > MAX_CHARACTERS)
			fail_msg("%s has %u characters, more than %u", entry->id,
				 count_characters(entry->text), MAX_CHARACTERS);
	}
}

/* The troubleshooting guide has something to say of each. */
static void
guide(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(entries); i++)
		if (entries[i].cause[0] == '\0' || entries[i].remedy[0] == '\0')
			fail_msg("%s lacks a cause or a remedy", entries[i].id);
}

/* An id stands for one entry, and so does a text of one level. */
static void
unique(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < TEST_DIM(entries); i++)
		for (j = 0; j < i; j++) {
			if (strcmp(entries[i].id, entries[j].id) == 0)
				fail_msg("%s is there twice", entries[i].id);
			if (strcmp(entries[i].text, entries[j].text) == 0 &&
			    entries[i].level == entries[j].level)
				fail_msg("%s and %s have the same text", entries[j].id,
					 entries[i].id);
		}
}

/* The only message since the last call has this id and level, and exactly this text. */
static void
assert_text(enum vftoken_log_level level, const char *id, const char *text)
{
	assert_int_equal(test_n_messages, 1);
	assert_int_equal(test_messages[0].level, level);
	assert_string_equal(test_messages[0].id, id);
	assert_string_equal(test_messages[0].text, text);
	test_n_messages = 0;
}

#define BDF "0000:01:10.0"

/* A refusal says what a source was looked at for; a warning is about the token alone. */
static void
subjects(void **state)
{
	static const struct {
		enum vftoken_purpose purpose;
		const char *device;
		const char *refusal;
		const char *warning;
	} cases[] = {
		{ VFTOKEN_FOR_ITSELF, NULL, "", "" },
		{ VFTOKEN_FOR_ITSELF, BDF, "", "" },
		{ VFTOKEN_FOR_RULE, BDF,
		  "VF token rule for " BDF " refused: ", "VF token of " BDF ": " },
		{ VFTOKEN_FOR_RULE, NULL,
		  "VF token rule for all devices refused: ", "VF token of all devices: " },
		{ VFTOKEN_FOR_DEFAULT, NULL,
		  "VF token of all devices not read: ", "VF token of all devices: " },
		{ VFTOKEN_FOR_OPEN, BDF, BDF " not opened: ", "VF token of " BDF ": " },
		{ VFTOKEN_FOR_RELOAD, BDF,
		  "PF " BDF " keeps its VF token: ", "VF token of " BDF ": " },
		{ VFTOKEN_FOR_TRANSFER, BDF,
		  "VF token of " BDF " not handed over: ", "VF token of " BDF ": " },
	};
	struct vftoken_context *ctx = test_context();
	char text[VFTOKEN_MESSAGE_SIZE];
	size_t i, length;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct vftoken_subject subject = { ctx, cases[i].purpose, cases[i].device };

		length = (size_t)snprintf(text, sizeof(text), "%s", cases[i].refusal);
		snprintf(text + length, sizeof(text) - length, vftoken_text_source_empty, "file:x");
		assert_int_equal(vftoken_refuse_of(&subject, -EINVAL, MSG(source_empty), "file:x"),
				 -EINVAL);
		assert_text(VFTOKEN_LOG_ERR, "source_empty", text);
		length = (size_t)snprintf(text, sizeof(text), "%s", cases[i].warning);
		snprintf(text + length, sizeof(text) - length, vftoken_text_source_readable,
			 "file:x");
		vftoken_say_of(&subject, MSG(source_readable), "file:x");
		assert_text(VFTOKEN_LOG_WARNING, "source_readable", text);
	}
	vftoken_context_destroy(ctx);
}

/* A message without a subject is its text alone, and a refusal passes its errno on. */
static void
no_subject(void **state)
{
	struct vftoken_context *ctx = test_context();
	char text[VFTOKEN_MESSAGE_SIZE];

	(void)state;
	snprintf(text, sizeof(text), vftoken_text_pf_token_set, BDF, "file:x");
	vftoken_say(ctx, MSG(pf_token_set), BDF, "file:x");
	assert_text(VFTOKEN_LOG_INFO, "pf_token_set", text);
	snprintf(text, sizeof(text), vftoken_text_not_a_bdf, "net0");
	assert_int_equal(vftoken_refuse(ctx, -EINVAL, MSG(not_a_bdf), "net0"), -EINVAL);
	assert_text(VFTOKEN_LOG_ERR, "not_a_bdf", text);
	/* Without a log function nothing is said, and as much is refused. */
	vftoken_context_set_log(ctx, NULL, NULL);
	vftoken_say(ctx, MSG(pf_token_set), BDF, "file:x");
	assert_int_equal(vftoken_refuse(ctx, -ENODEV, MSG(pf_not_open), BDF), -ENODEV);
	test_said_nothing();
	vftoken_context_destroy(ctx);
}

/* Each control character becomes a '?', wherever it comes from; other characters stay. */
static void
control_characters(void **state)
{
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { ctx, VFTOKEN_FOR_OPEN, "a\nb" };
	char text[VFTOKEN_MESSAGE_SIZE];

	(void)state;
	vftoken_refuse_of(&subject, -EINVAL, MSG(source_empty), "file:\t\x1b[0m\r\x7f" DOTS "\n");
	snprintf(text, sizeof(text), "a?b not opened: ");
	snprintf(text + strlen(text), sizeof(text) - strlen(text), vftoken_text_source_empty,
		 "file:??[0m??" DOTS "?");
	assert_text(VFTOKEN_LOG_ERR, "source_empty", text);
	vftoken_context_destroy(ctx);
}

/* A message that is too long is cut, in its text or before. */
static void
cut(void **state)
{
	struct vftoken_context *ctx = test_context();
	char name[VFTOKEN_MESSAGE_SIZE + 1], text[VFTOKEN_MESSAGE_SIZE];
	const struct vftoken_subject file = { ctx, VFTOKEN_FOR_OPEN, BDF };
	const struct vftoken_subject device = { ctx, VFTOKEN_FOR_OPEN, name };

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	vftoken_refuse_of(&device, -EINVAL, MSG(source_empty), "file:x");
	assert_text(VFTOKEN_LOG_ERR, "source_empty", text);
	memcpy(text, BDF " not opened: ", strlen(BDF " not opened: "));
	vftoken_refuse_of(&file, -EINVAL, MSG(source_empty), name);
	assert_text(VFTOKEN_LOG_ERR, "source_empty", text);
	vftoken_context_destroy(ctx);
}

/* A device may be on no driver, which is put in words. */
static void
drivers(void **state)
{
	(void)state;
	assert_string_equal(vftoken_driver_name("vfio-pci"), "vfio-pci");
	assert_string_equal(vftoken_driver_name(""), "no driver");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(texts, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(guide, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(unique, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(subjects, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(no_subject, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(control_characters, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(cut, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(drivers, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("messages", tests, NULL, NULL);
}
