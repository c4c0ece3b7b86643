/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of mdevctl and driverctl below a root: read whole or not at all, listed, replaced, removed, shown. */
#include "support/test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/tool-files.h"
#include "support/tree.h"

#define UUID "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"

/* The tables of the program, which is not linked. */
static const struct cli_option root_option = { .name = "root", .arg = "DIR" };
const struct cli_option cli_global_options[] = { { .name = NULL } };
const struct cli_command cli_commands[] = { { .name = NULL } };

static struct tree tree;
static struct cli cli;

static int setup(void **state)
{
	(void)state;
	tree_init(&tree);
	cli = (struct cli){ .n_given = 1, .given = { { &root_option, tree.path } } };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_done(&cli.err);
	tree_done(&tree);
	return 0;
}

static void damaged(const char *parent, const char *name)
{
	struct tool_file f;
	assert_int_equal(tool_file_read(&cli, TOOL_MDEVCTL, parent, name, &f), -EINVAL);
	assert_string_equal(cli.err.id, "tool.damaged");
	err_done(&cli.err);
}

static void test_tool_file_read_takes_text_with_its_mode_and_its_record(void **state)
{
	(void)state;
	struct tool_file f;
	assert_int_equal(tool_file_read(&cli, TOOL_MDEVCTL, "mtty", UUID, &f), 0);
	assert_null(f.text);
	assert_null(f.taken);
	tree_file(&tree, "etc/mdevctl.d/mtty/" UUID, "{}");
	tree_file(&tree, "etc/carve/taken/mdevctl.d/mtty/" UUID, "{ }\n");
	char path[256];
	assert_int_equal(STR_FORMAT(path, "%s/etc/mdevctl.d/mtty/" UUID, tree.path), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(tool_file_read(&cli, TOOL_MDEVCTL, "mtty", UUID, &f), 0);
	assert_string_equal(f.path, "/etc/mdevctl.d/mtty/" UUID);
	assert_string_equal(f.text, "{}");
	assert_string_equal(f.taken, "{ }\n");
	assert_int_equal(f.mode, 0600);
	tool_file_done(&f);
	tree_file(&tree, "etc/driverctl.d/pci-0000:06:00.0", "vfio-pci\n");
	assert_int_equal(tool_file_read(&cli, TOOL_DRIVERCTL, "", "pci-0000:06:00.0", &f), 0);
	assert_string_equal(f.path, "/etc/driverctl.d/pci-0000:06:00.0");
	assert_int_equal(f.text_len, 9);
	tool_file_done(&f);
}

static void test_tool_file_read_what_is_no_plain_text_is_refused(void **state)
{
	(void)state;
	char *longer = calloc(1, 70000);
	assert_non_null(longer);
	memset(longer, ' ', 69999);
	tree_file(&tree, "etc/mdevctl.d/mtty/long", longer);
	free(longer);
	tree_bytes(&tree, "etc/mdevctl.d/mtty/zero", "{}\0{}", 5);
	tree_dir(&tree, "etc/mdevctl.d/mtty/folder");
	tree_link(&tree, "etc/mdevctl.d/mtty/link", "long");
	damaged("mtty", "long");
	damaged("mtty", "zero");
	damaged("mtty", "folder");
	damaged("mtty", "link");
}

struct seen {
	char text[512];
};

static int see(struct cli *c, const char *parent, const char *name, void *userdata)
{
	struct seen *s = userdata;
	(void)c;
	size_t len = strlen(s->text);
	assert_int_equal(str_format(s->text + len, sizeof(s->text) - len, "%s/%s ", parent, name),
			 0);
	return str_eq(name, "last") ? -ECANCELED : 0;
}

static void test_tool_files_each_is_sorted_and_leaves_out_scripts(void **state)
{
	(void)state;
	struct seen s = { "" };
	assert_int_equal(tool_files_each(&cli, TOOL_MDEVCTL, see, &s), 0);
	assert_string_equal(s.text, "");
	tree_file(&tree, "etc/mdevctl.d/mtty/b", "");
	tree_file(&tree, "etc/mdevctl.d/mtty/a", "");
	tree_file(&tree, "etc/mdevctl.d/0000:3b:00.0/c", "");
	tree_file(&tree, "etc/mdevctl.d/scripts.d/callouts", "");
	tree_file(&tree, "etc/mdevctl.d/stray", "");
	assert_int_equal(tool_files_each(&cli, TOOL_MDEVCTL, see, &s), 0);
	assert_string_equal(s.text, "0000:3b:00.0/c mtty/a mtty/b ");
	tree_file(&tree, "etc/driverctl.d/last", "");
	tree_file(&tree, "etc/driverctl.d/not-seen", "");
	assert_int_equal(tool_files_each(&cli, TOOL_DRIVERCTL, see, &s), -ECANCELED);
	assert_true(str_ends(s.text, " /last "));
}

static void test_tool_file_put_replaces_whole_and_removes(void **state)
{
	(void)state;
	struct tool_file f;
	const char *path = "/etc/mdevctl.d/mtty/" UUID;
	assert_true(tool_file_put(&cli, path, "one", 0600) > 0);
	assert_int_equal(tool_file_put(&cli, path, "one", 0600), 0);
	assert_true(tool_file_put(&cli, path, "two", 0640) > 0);
	assert_int_equal(tool_file_read(&cli, TOOL_MDEVCTL, "mtty", UUID, &f), 0);
	assert_string_equal(f.text, "two");
	assert_int_equal(f.mode, 0640);
	tool_file_done(&f);
	assert_true(tool_file_put(&cli, path, NULL, 0) > 0);
	assert_int_equal(tool_file_put(&cli, path, NULL, 0), 0);
	assert_int_equal(tool_file_read(&cli, TOOL_MDEVCTL, "mtty", UUID, &f), 0);
	assert_null(f.text);
}

static void test_tool_is_installed_when_its_rule_is_there(void **state)
{
	(void)state;
	assert_false(tool_is_installed(&cli, TOOL_MDEVCTL));
	tree_file(&tree, "lib/udev/rules.d/60-mdevctl.rules", "");
	assert_true(tool_is_installed(&cli, TOOL_MDEVCTL));
	assert_false(tool_is_installed(&cli, TOOL_DRIVERCTL));
	tree_file(&tree, "etc/udev/rules.d/05-driverctl.rules", "");
	assert_true(tool_is_installed(&cli, TOOL_DRIVERCTL));
}

static void test_tool_find_knows_two(void **state)
{
	(void)state;
	enum tool_kind kind = TOOLS;
	assert_int_equal(tool_find("mdevctl,driverctl", 7, &kind), 0);
	assert_int_equal(kind, TOOL_MDEVCTL);
	assert_int_equal(tool_find("driverctl", 9, &kind), 0);
	assert_int_equal(kind, TOOL_DRIVERCTL);
	assert_int_equal(tool_find("mdev", 4, &kind), -ENOENT);
	assert_int_equal(tool_find("", 0, &kind), -ENOENT);
}

/* What patch(1) takes. */
static void shows(const char *before, const char *after, const char *wanted)
{
	char text[512] = "";
	int out = dup(STDOUT_FILENO);
	FILE *f = tmpfile();
	assert_non_null(f);
	fflush(stdout);
	assert_true(dup2(fileno(f), STDOUT_FILENO) >= 0);
	tool_file_diff("/etc/x", before, after);
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text, wanted);
}

static void test_tool_file_diff_is_a_patch(void **state)
{
	(void)state;
	shows(NULL, "vfio-pci\n", "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,1 @@\n+vfio-pci\n");
	shows("vfio-pci\n", NULL, "--- /etc/x\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-vfio-pci\n");
	shows("{\n a\n}", "{\n b\n}",
	      "--- /etc/x\n+++ /etc/x\n@@ -1,3 +1,3 @@\n {\n- a\n+ b\n }\n"
	      "\\ No newline at end of file\n");
	shows("a\nb\n", "a\nb",
	      "--- /etc/x\n+++ /etc/x\n@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n");
	shows("a\nb\nc\n", "a\nc\n", "--- /etc/x\n+++ /etc/x\n@@ -1,3 +1,2 @@\n a\n-b\n c\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_tool_file_read_takes_text_with_its_mode_and_its_record),
		T(test_tool_file_read_what_is_no_plain_text_is_refused),
		T(test_tool_files_each_is_sorted_and_leaves_out_scripts),
		T(test_tool_file_put_replaces_whole_and_removes),
		T(test_tool_is_installed_when_its_rule_is_there),
		T(test_tool_find_knows_two),
		T(test_tool_file_diff_is_a_patch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
