/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 dpdk-vf-token contributors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test_util.h"

/* The rule for a device that may be a VF. A name that isn't a BDF, or NULL, is no device. */
static struct vftoken_rule *
find_rule(const struct vftoken_context *ctx, const char *bdf, const char *pf)
{
	uint64_t key = VFTOKEN_KEY_NONE, pf_key = VFTOKEN_KEY_NONE;

	if (bdf != NULL)
		vftoken_parse_key(bdf, &key);
	if (pf != NULL)
		vftoken_parse_key(pf, &pf_key);
	return vftoken_find_rule(ctx, key, pf_key);
}

/* A BDF is taken in full and in short form, in any hex case, and brought into the kernel's form. */
static void
bdf_forms(void **state)
{
	static const struct {
		const char *text;
		const char *bdf;
		int ret;
	} cases[] = {
		{ "0000:01:00.0", "0000:01:00.0", 0 },
		{ "01:00.0", "0000:01:00.0", 0 },
		{ "1:0.0", "0000:01:00.0", 0 },
		{ "0000:AF:1F.7", "0000:af:1f.7", 0 },
		{ "aBcD:eF:1f.7", "abcd:ef:1f.7", 0 },
		{ "10000:01:00.0", "10000:01:00.0", 0 },
		{ "FFFFFFFF:ff:1f.7", "ffffffff:ff:1f.7", 0 },
		{ "00000001:01:00.0", "0001:01:00.0", 0 },
		{ "100000000:01:00.0", NULL, -ERANGE },
		{ "0000:100:00.0", NULL, -ERANGE },
		{ "0000:01:20.0", NULL, -ERANGE },
		{ "0000:01:00.8", NULL, -ERANGE },
		{ "ffffffffffffffffff:01:00.0", NULL, -ERANGE },
		{ "", NULL, -EINVAL },
		{ "01:00", NULL, -EINVAL },
		{ "01:00.", NULL, -EINVAL },
		{ "0000:01:", NULL, -EINVAL },
		{ "0000:01:.0", NULL, -EINVAL },
		{ "01.00.0", NULL, -EINVAL },
		{ ":01:00.0", NULL, -EINVAL },
		{ "0000:01:00.0 ", NULL, -EINVAL },
		{ " 0000:01:00.0", NULL, -EINVAL },
		{ "-1:01:00.0", NULL, -EINVAL },
		{ "0000:+1:00.0", NULL, -EINVAL },
		{ "0:0000:01:00.0", NULL, -EINVAL },
		{ "0000:01:00.g", NULL, -EINVAL },
		{ "0000:01:00.0x", NULL, -EINVAL },
		{ "net_null0", NULL, -EINVAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		char bdf[VFTOKEN_BDF_SIZE] = "untouched";

		assert_int_equal(vftoken_parse_bdf(cases[i].text, bdf), cases[i].ret);
		assert_string_equal(bdf, cases[i].bdf != NULL ? cases[i].bdf : "untouched");
	}
}

/* The device's own rule comes first, then its PF's, then the default. */
static void
precedence(void **state)
{
	static const struct {
		const char *bdf;
		const char *pf;
		const char *source;
	} cases[] = {
		{ "0000:01:10.0", "0000:01:00.0", "env:VF" },
		{ "01:10.0", "01:00.0", "env:VF" },
		{ "0000:01:10.2", "0000:01:00.0", "env:PF" },
		{ "0000:01:10.2", "1:0.0", "env:PF" },
		{ "0000:01:00.0", "", "env:PF" },
		{ "0000:01:00.0", NULL, "env:PF" },
		{ "0000:02:10.0", "0000:02:00.0", "env:DEFAULT" },
		{ "0001:01:10.0", "0001:01:00.0", "env:DEFAULT" },
		{ "0000:01:10.2", NULL, "env:DEFAULT" },
		{ "net_null0", NULL, "env:DEFAULT" },
		{ NULL, NULL, "env:DEFAULT" },
	};
	struct vftoken_context *ctx = test_context();
	size_t i;

	(void)state;
	assert_null(find_rule(ctx, "0000:01:00.0", NULL));
	assert_int_equal(vftoken_add_rule(ctx, "env:DEFAULT"), 0);
	assert_int_equal(vftoken_add_rule(ctx, "0000:01:00.0=env:PF"), 0);
	assert_int_equal(vftoken_add_rule(ctx, "01:10.0=env:VF"), 0);
	for (i = 0; i < TEST_DIM(cases); i++) {
		const struct vftoken_rule *rule = find_rule(ctx, cases[i].bdf, cases[i].pf);

		assert_non_null(rule);
		assert_string_equal(rule->source.shown, cases[i].source);
	}
	vftoken_context_clear(ctx);
	assert_null(find_rule(ctx, "0000:01:10.0", "0000:01:00.0"));
	vftoken_context_destroy(ctx);
}

/* Only a '=' before the source ends a BDF: a path may have one, and so may a variable's name. */
static void
equals_in_source(void **state)
{
	static const struct {
		const char *rule;
		const char *bdf;
		const char *source;
	} cases[] = {
		{ "file:/run/a=b", NULL, "file:/run/a=b" },
		{ "01:00.0=file:/run/a=b", "0000:01:00.0", "file:/run/a=b" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		struct vftoken_context *ctx = test_context();
		const struct vftoken_rule *rule;

		assert_int_equal(vftoken_add_rule(ctx, cases[i].rule), 0);
		rule = test_find_rule(ctx, cases[i].bdf);
		assert_non_null(rule);
		assert_string_equal(rule->source.shown, cases[i].source);
		vftoken_context_destroy(ctx);
	}
}

#define ORDERED 1024

/* Ascending, descending, and each number once without an order that shows. */
static uint32_t
in_order(unsigned int order, uint32_t i)
{
	switch (order) {
	case 0:
		return i;
	case 1:
		return ORDERED - 1 - i;
	default:
		return i * 613 % ORDERED;
	}
}

/* Each rule is found, whatever the order that they were added in, and no other device has it. */
static void
any_order(void **state)
{
	unsigned int order;

	(void)state;
	for (order = 0; order < 3; order++) {
		struct vftoken_context *ctx = test_context();
		char text[64], source[32];
		uint32_t i;

		/* Every second function has a rule, and the default comes in between. */
		for (i = 0; i < ORDERED; i++) {
			const uint32_t n = in_order(order, i);

			if (i == ORDERED / 2)
				assert_int_equal(vftoken_add_rule(ctx, "env:DEFAULT"), 0);
			snprintf(text, sizeof(text), "%" PRIx32 ":%02x:%02x.%x=env:RULE_%" PRIu32,
				 n >> 9, n >> 4 & 0x1f, n >> 2 & 3, 2 * (n & 3), n);
			assert_int_equal(vftoken_add_rule(ctx, text), 0);
		}
		assert_int_equal(ctx->n_rules, ORDERED + 1);
		for (i = 0; i < ORDERED; i++) {
			snprintf(text, sizeof(text), "%" PRIx32 ":%02x:%02x.%x", i >> 9,
				 i >> 4 & 0x1f, i >> 2 & 3, 2 * (i & 3));
			snprintf(source, sizeof(source), "env:RULE_%" PRIu32, i);
			assert_string_equal(test_find_rule(ctx, text)->source.shown, source);
			text[strlen(text) - 1]++;
			assert_string_equal(test_find_rule(ctx, text)->source.shown, "env:DEFAULT");
		}
		for (i = 0; i < ORDERED; i++)
			assert_true(ctx->rules[i]->key < ctx->rules[i + 1]->key);
		test_said_nothing();
		vftoken_context_destroy(ctx);
	}
}

/* 65536 rules fit and each is found with its own token; the next one is refused. */
static void
many_rules(void **state)
{
	struct vftoken_context *ctx = test_context();
	char text[64], uuid[UUID_STR_LEN];
	uint32_t i;

	(void)state;
	for (i = 0; i < VFTOKEN_MAX_RULES; i++) {
		snprintf(text, sizeof(text), "%" PRIx32 ":%02x:%02x.%x=%08" PRIx32 "%s", i >> 12,
			 i >> 4 & 0xff, i >> 2 & 3, i & 3, i, &TOKEN_A[8]);
		assert_int_equal(vftoken_add_rule(ctx, text), 0);
	}
	assert_int_equal(vftoken_add_rule(ctx, "ffff:01:00.0=" TOKEN_B), -ENOSPC);
	test_said(rules_full, "65536");
	assert_int_equal(vftoken_add_rule(ctx, "0:0:0.0=" TOKEN_B), -EEXIST);
	test_said(rule_twice, "0000:00:00.0");
	assert_null(test_find_rule(ctx, "ffff:01:00.0"));
	/* A number of VFs takes a place too, but for a device that has one. */
	assert_int_equal(vftoken_add_num_vfs(ctx, "ffff:01:00.0=1"), -ENOSPC);
	test_said(rules_full, "65536");
	assert_int_equal(vftoken_add_num_vfs(ctx, "0:0:0.0=1"), 0);
	test_said_nothing();
	assert_int_equal(test_store_size(), VFTOKEN_MAX_RULES * sizeof(uuid_t));
	for (i = 0; i < VFTOKEN_MAX_RULES; i += 257) {
		snprintf(text, sizeof(text), "%04" PRIx32 ":%02x:%02x.%x", i >> 12, i >> 4 & 0xff,
			 i >> 2 & 3, i & 3);
		snprintf(uuid, sizeof(uuid), "%08" PRIx32 "%s", i, &TOKEN_A[8]);
		test_assert_token(ctx, text, uuid);
	}
	vftoken_context_destroy(ctx);
	assert_int_equal(test_store_size(), -1);
}

/* The default token is read now; other rules' tokens aren't it. */
static void
read_default(void **state)
{
	struct vftoken_context *ctx = test_context();
	uuid_t token, before, expected;

	(void)state;
	memset(token, 0xa5, sizeof(token));
	memcpy(before, token, sizeof(token));
	assert_int_equal(vftoken_read_default(ctx, token), -ENOENT);
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=" TOKEN_B), 0);
	assert_int_equal(vftoken_read_default(ctx, token), -ENOENT);
	test_said_nothing();
	assert_int_equal(vftoken_add_rule(ctx, "file:own"), 0);
	assert_int_equal(vftoken_read_default(ctx, token), -ENOENT);
	test_said(source_unopened, "all devices", "file:own", "No such file or directory");
	assert_memory_equal(token, before, sizeof(token));
	test_write_text("own", TOKEN_A "\n");
	assert_int_equal(vftoken_read_default(ctx, token), 0);
	test_said_nothing();
	assert_int_equal(uuid_parse(TOKEN_A, expected), 0);
	assert_memory_equal(token, expected, sizeof(token));
	vftoken_context_destroy(ctx);
}

/* In a rule's text a literal token is overwritten, and so is what may be one. */
static void
mask_rule(void **state)
{
	static const struct {
		const char *text;
		const char *masked;
	} cases[] = {
		{ TOKEN_A, "************************************" },
		{ "01:00.0=" TOKEN_A, "01:00.0=************************************" },
		{ "01:00.0=b671", "01:00.0=****" },
		{ "FILE:own", "********" },
		{ TOKEN_A "=01:00.0", "********************************************" },
		{ "01:00.0", "*******" },
		{ "01:00.0=", "01:00.0=" },
		{ "", "" },
		/* What begins as a BDF may have a token behind. */
		{ "01:00.0b671=x", "*************" },
		{ "0000000000000000000000000000000000000:01:00.0=b671",
		  "0000000000000000000000000000000000000:01:00.0=****" },
		/* A token where a source's argument should be. */
		{ "env:A=b671", "env:A*****" },
		{ "01:00.0=fd:b671", "01:00.0=fd:****" },
		{ "env:" TOKEN_A, "env:************************************" },
		{ "env:A," TOKEN_A, "env:A,************************************" },
		{ "file:" TOKEN_A, "file:************************************" },
		/* Sources that are no secret. */
		{ "file:/run/a=b", "file:/run/a=b" },
		{ "env:A,stay", "env:A,stay" },
		{ "fd:3", "fd:3" },
		{ "fd:1234567890123456789", "fd:1234567890123456789" },
		{ "fd:12345678901234567890", "fd:********************" },
		{ "01:00.0=file:/run/a=b", "01:00.0=file:/run/a=b" },
		{ "01:00.0=env:A", "01:00.0=env:A" },
		{ "01:00.0=fd:3", "01:00.0=fd:3" },
	};
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_int_equal(vftoken_mask_rule(text), 0);
		assert_string_equal(text, cases[i].masked);
	}
}

/* What has a UUID's shape is overwritten, and all else stays. */
static void
mask(void **state)
{
	static const struct {
		const char *text;
		const char *masked;
	} cases[] = {
		{ "", "" },
		{ TOKEN_A, "************************************" },
		{ "--vfio-vf-tokn=" TOKEN_B,
		  "--vfio-vf-tokn=************************************" },
		{ "a " TOKEN_A "," TOKEN_B ".",
		  "a ************************************,************************************." },
		{ "b671fd644c5d491e9eb8da01ff1f3341", "********************************" },
		{ "b671fd64-4c5d-491e-9", "********************" },
		{ "b671fd64-4c5d-491e-", "b671fd64-4c5d-491e-" },
		{ "ffffffff:ff:1f.7=65535", "ffffffff:ff:1f.7=65535" },
	};
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_int_equal(vftoken_mask(text), 0);
		assert_string_equal(text, cases[i].masked);
	}
}

/* Arguments that are constants stay as they are. */
static void
mask_constant(void **state)
{
	static const char rules[][64] = { TOKEN_A, "01:00.0=" TOKEN_A, "env:" TOKEN_A };
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *text = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	(void)state;
	assert_ptr_not_equal(text, MAP_FAILED);
	for (i = 0; i < TEST_DIM(rules); i++) {
		assert_int_equal(mprotect(text, page, PROT_READ | PROT_WRITE), 0);
		strcpy(text, rules[i]);
		assert_int_equal(mprotect(text, page, PROT_READ), 0);
		assert_int_equal(vftoken_mask(text), -EFAULT);
		assert_int_equal(vftoken_mask_rule(text), -EFAULT);
		assert_string_equal(text, rules[i]);
	}
	munmap(text, page);
}

/* A terminal gets neither control characters nor broken ones, in ASCII or UTF-8, nor a token. */
static void
printable(void **state)
{
	static const struct {
		const char *text;
		const char *printed;
	} cases[] = {
		{ "0000:01:00.0 \u2026 \u00e9 \U0001f600",
		  "0000:01:00.0 \u2026 \u00e9 \U0001f600" },
		{ "\x1b[31mred\n\x7f", "?[31mred??" },
		{ "\x9b[31m", "?[31m" },
		{ "\xc2\x9b[31m", "??[31m" },
		{ "\xc2\xa0", "\xc2\xa0" },
		{ "\xc0\x9b \xe2\x80 \xff \xf5\x80\x80\x80 \xe2", "?? ?? ? ???? ?" },
		{ "x" TOKEN_A, "x************************************" },
	};
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		vftoken_make_printable(text);
		assert_string_equal(text, cases[i].printed);
	}
}

/* Rules that name one variable all have its token, though it is read once. */
static void
shared_variable(void **state)
{
	struct vftoken_context *ctx = test_context();

	(void)state;
	setenv("VF_TOKEN", TOKEN_A, 1);
	assert_int_equal(vftoken_add_rule(ctx, "file:none"), 0);
	assert_int_equal(vftoken_add_rule(ctx, "01:00.0=env:VF_TOKEN"), 0);
	assert_int_equal(vftoken_add_rule(ctx, "02:00.0=env:VF_TOKEN"), 0);
	test_assert_token(ctx, "0000:02:00.0", TOKEN_A);
	assert_null(getenv("VF_TOKEN"));
	test_assert_token(ctx, "0000:01:00.0", TOKEN_A);
	test_assert_token(ctx, "0000:02:00.0", TOKEN_A);
	/* So has one that comes later, before the others by its address. */
	assert_int_equal(vftoken_add_rule(ctx, "00:01.0=env:VF_TOKEN"), 0);
	test_assert_token(ctx, "0000:00:01.0", TOKEN_A);
	test_assert_token(ctx, "0000:02:00.0", TOKEN_A);
	/* Set once more, it counts for all of them, and takes no more room. */
	setenv("VF_TOKEN", TOKEN_B, 1);
	test_assert_token(ctx, "0000:01:00.0", TOKEN_B);
	assert_null(getenv("VF_TOKEN"));
	test_assert_token(ctx, "0000:00:01.0", TOKEN_B);
	test_assert_token(ctx, "0000:02:00.0", TOKEN_B);
	assert_int_equal(test_store_size(), sizeof(uuid_t));
	vftoken_context_destroy(ctx);
}

/*
 * The devices that rules name, in the order of their addresses, then those that are open, each
 * once, are listed as far as there is room.
 */
static void
devices(void **state)
{
	static const char *const opened[] = {
		"0000:03:00.0",
		"0000:01:00.0",
		"0000:03:00.0",
	};
	static const char *const expected[] = {
		"0000:01:00.0",
		"0000:01:10.0",
		"ffffffff:ff:1f.7",
		"0000:03:00.0",
	};
	char bdfs[TEST_DIM(expected)][VFTOKEN_BDF_SIZE];
	struct vftoken_context *ctx = test_context();
	unsigned int max, i;

	(void)state;
	assert_int_equal(vftoken_list_devices(ctx, bdfs, TEST_DIM(bdfs)), 0);
	/* What all devices have names none. */
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	assert_int_equal(vftoken_list_devices(ctx, bdfs, TEST_DIM(bdfs)), 0);
	assert_int_equal(vftoken_add_rule(ctx, "1:10.0=" TOKEN_B), 0);
	assert_int_equal(vftoken_add_rule(ctx, "FFFFFFFF:FF:1F.7=env:TOKEN"), 0);
	assert_int_equal(vftoken_add_rule(ctx, "1:0.0=" TOKEN_B), 0);
	/* A number of VFs lists no device, whether it is open or not. */
	assert_int_equal(vftoken_add_num_vfs(ctx, "2:0.0=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "3:0.0=2"), 0);
	assert_int_equal(vftoken_add_num_vfs(ctx, "7"), 0);
	for (i = 0; i < TEST_DIM(opened); i++) {
		struct vftoken_handle *handle = calloc(1, sizeof(*handle));

		assert_non_null(handle);
		assert_int_equal(vftoken_parse_key(opened[i], &handle->key), 0);
		handle->next = ctx->handles;
		ctx->handles = handle;
	}
	for (max = 0; max <= TEST_DIM(expected); max++) {
		memset(bdfs, 'x', sizeof(bdfs));
		assert_int_equal(vftoken_list_devices(ctx, bdfs, max), TEST_DIM(expected));
		for (i = 0; i < max; i++)
			assert_string_equal(bdfs[i], expected[i]);
		for (; i < TEST_DIM(bdfs); i++)
			assert_int_equal(bdfs[i][0], 'x');
	}
	assert_int_equal(vftoken_list_devices(ctx, NULL, 0), TEST_DIM(expected));
	vftoken_context_clear(ctx);
	assert_int_equal(vftoken_list_devices(ctx, bdfs, TEST_DIM(bdfs)), 0);
	vftoken_context_destroy(ctx);
}

/* A source has a word for its kind, and an fd's stays once its token is kept. */
static void
source_kinds(void **state)
{
	static const struct {
		const char *rule;
		const char *kind;
	} cases[] = {
		{ TOKEN_A, "literal" },
		{ "file:fd:3", "file" },
		{ "env:TOKEN", "env" },
		{ "env:TOKEN,stay", "env" },
	};
	struct vftoken_context *ctx = test_context();
	char rule[16];
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(cases); i++) {
		assert_int_equal(vftoken_add_rule(ctx, cases[i].rule), 0);
		assert_string_equal(vftoken_source_kind(&test_find_rule(ctx, NULL)->source),
				    cases[i].kind);
		vftoken_context_clear(ctx);
	}
	snprintf(rule, sizeof(rule), "fd:%d", test_pipe(TOKEN_A));
	assert_int_equal(vftoken_add_rule(ctx, rule), 0);
	assert_string_equal(vftoken_source_kind(&test_find_rule(ctx, NULL)->source), "fd");
	test_assert_token(ctx, NULL, TOKEN_A);
	assert_string_equal(vftoken_source_kind(&test_find_rule(ctx, NULL)->source), "fd");
	vftoken_context_destroy(ctx);
}

/* A line end in a path or in a device's name doesn't end the message. */
static void
message_is_one_line(void **state)
{
	struct vftoken_context *ctx = test_context();
	const struct vftoken_subject subject = { .ctx = ctx,
						 .purpose = VFTOKEN_FOR_OPEN,
						 .device = "net\n0" };

	(void)state;
	vftoken_say(ctx, MSG(source_empty),
		    "file:a\nb\r\x1b"
		    "c" DOTS);
	test_said(source_empty, "file:a?b??c" DOTS);
	vftoken_say_of(&subject, MSG(source_empty), "file:a\nb");
	test_said(source_empty, "net?0", "file:a?b");
	vftoken_context_destroy(ctx);
}

/* A message that is too long ends where the room does, whatever it is that is too long. */
static void
message_is_cut(void **state)
{
	struct vftoken_context *ctx = test_context();
	struct vftoken_subject subject = { .ctx = ctx, .purpose = VFTOKEN_FOR_OPEN };
	char name[VFTOKEN_MESSAGE_SIZE + 1];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	subject.device = name;
	vftoken_say(ctx, MSG(source_empty), name);
	assert_int_equal(strlen(test_messages[0].text), VFTOKEN_MESSAGE_SIZE - 1);
	test_said(source_empty, &name[100]);
	assert_int_equal(vftoken_refuse_of(&subject, -EINVAL, MSG(source_missing)), -EINVAL);
	assert_int_equal(strlen(test_messages[0].text), VFTOKEN_MESSAGE_SIZE - 1);
	test_said(source_missing, &name[100]);
	vftoken_context_destroy(ctx);
}

/* What a source is looked at for comes before what is said of it, with the device. */
static void
message_of_purpose(void **state)
{
	static const enum vftoken_purpose purposes[] = {
		VFTOKEN_FOR_RULE,   VFTOKEN_FOR_DEFAULT,  VFTOKEN_FOR_OPEN,
		VFTOKEN_FOR_RELOAD, VFTOKEN_FOR_TRANSFER,
	};
	struct vftoken_context *ctx = test_context();
	struct vftoken_subject subject = { .ctx = ctx };
	size_t i;

	(void)state;
	for (i = 0; i < TEST_DIM(purposes); i++) {
		subject.purpose = purposes[i];
		subject.device = "0000:01:10.0";
		assert_int_equal(vftoken_refuse_of(&subject, -EIO, MSG(source_empty), "fd:3"),
				 -EIO);
		test_said(source_empty, "0000:01:10.0", "fd:3");
		vftoken_say_of(&subject, MSG(source_readable), "fd:3");
		test_said(source_readable, "0000:01:10.0", "fd:3");
		subject.device = NULL;
		vftoken_say_of(&subject, MSG(source_empty), "fd:3");
		test_said(source_empty, "all devices", "fd:3");
		vftoken_say_of(&subject, MSG(source_readable), "fd:3");
		test_said(source_readable, "all devices", "fd:3");
	}
	/* Nothing comes before a source's own sentence. */
	subject = (struct vftoken_subject){ .ctx = ctx, .device = "0000:01:10.0" };
	vftoken_say_of(&subject, MSG(source_empty), "fd:3");
	assert_null(strstr(test_messages[0].text, "0000:01:10.0"));
	test_said(source_empty, "fd:3");
	vftoken_context_destroy(ctx);
}

/* The process's own context is there from the start, and says nothing unless asked to. */
static void
process_context(void **state)
{
	struct vftoken_context *ctx = vftoken_context_process();

	(void)state;
	assert_ptr_equal(ctx, vftoken_context_process());
	assert_null(test_find_rule(ctx, "0000:01:00.0"));
	assert_int_equal(vftoken_add_rule(ctx, "nonsense"), -EINVAL);
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_A), 0);
	test_assert_token(ctx, "0000:01:00.0", TOKEN_A);
	vftoken_context_clear(ctx);
	assert_null(test_find_rule(ctx, "0000:01:00.0"));
	assert_int_equal(test_store_size(), -1);
	/* Rules may be added again. */
	assert_int_equal(vftoken_add_rule(ctx, TOKEN_B), 0);
	test_assert_token(ctx, "0000:01:00.0", TOKEN_B);
	assert_int_equal(test_store_size(), sizeof(uuid_t));
	vftoken_context_clear(ctx);
	vftoken_context_clear(ctx);
	vftoken_context_destroy(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shared_variable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(bdf_forms, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(precedence, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(equals_in_source, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(any_order, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(many_rules, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(read_default, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(mask_rule, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(mask, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(mask_constant, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(printable, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(devices, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(source_kinds, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(message_is_one_line, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(message_is_cut, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(message_of_purpose, test_setup, test_teardown),
		cmocka_unit_test_setup_teardown(process_context, test_setup, test_teardown),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
