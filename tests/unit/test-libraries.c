/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's libraries on made-up hosts. */
#include "support/test.h"

#include "base/str.h"
#include "host/libraries.h"
#include "support/tree.h"

#define VERSION "580.159.04"

static struct tree t;

static int setup(void **state)
{
	(void)state;
	tree_init(&t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_done(&t);
	return 0;
}

static const char *file_of(const struct libraries *l, const char *at)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->items[i].at, at))
			return l->items[i].file;
	return "";
}

static void test_libraries_find_of_the_version_only(void **state)
{
	(void)state;
	struct libraries l;
	tree_file(&t, "usr/lib64/libcuda.so." VERSION, "");
	tree_link(&t, "usr/lib64/libcuda.so.1", "libcuda.so." VERSION);
	tree_file(&t, "usr/lib64/libnvidia-encode.so.1.2.3", "");
	tree_link(&t, "usr/lib64/libnvidia-encode.so.1", "libnvidia-encode.so.1.2.3");
	tree_file(&t, "usr/lib64/libnvidia-gpucomp.so." VERSION, "");
	assert_int_equal(libraries_find(t.fd, VERSION, &l), 1);
	assert_int_equal(l.n, 2);
	assert_string_equal(file_of(&l, "/usr/lib64/libcuda.so.1"),
			    "/usr/lib64/libcuda.so." VERSION);
	assert_string_equal(file_of(&l, "/usr/lib64/libnvidia-gpucomp.so." VERSION),
			    "/usr/lib64/libnvidia-gpucomp.so." VERSION);
	libraries_done(&l);
	assert_int_equal(libraries_find(t.fd, "580.159", &l), 0);
	assert_int_equal(l.n, 0);
	assert_int_equal(libraries_find(t.fd, "", &l), 0);
}

static void test_libraries_find_through_alternatives(void **state)
{
	(void)state;
	struct libraries l;
	tree_link(&t, "usr/lib/x86_64-linux-gnu/libcuda.so.1", "/etc/alternatives/libcuda");
	tree_link(&t, "etc/alternatives/libcuda", "/usr/lib/nvidia/libcuda.so.1");
	tree_link(&t, "usr/lib/nvidia/libcuda.so.1", "libcuda.so." VERSION);
	tree_file(&t, "usr/lib/nvidia/libcuda.so." VERSION, "");
	tree_link(&t, "usr/bin/nvidia-smi", "/usr/lib/nvidia/nvidia-smi");
	tree_file(&t, "usr/lib/nvidia/nvidia-smi", "");
	assert_int_equal(libraries_find(t.fd, VERSION, &l), 1);
	assert_int_equal(l.n, 2);
	assert_string_equal(file_of(&l, "/usr/lib/x86_64-linux-gnu/libcuda.so.1"),
			    "/usr/lib/nvidia/libcuda.so." VERSION);
	assert_string_equal(file_of(&l, "/usr/bin/nvidia-smi"), "/usr/lib/nvidia/nvidia-smi");
	libraries_done(&l);
}

static void test_libraries_find_links_that_lead_nowhere(void **state)
{
	(void)state;
	struct libraries l;
	tree_link(&t, "usr/lib64/libcuda.so.1", "libcuda.so." VERSION);
	assert_int_equal(libraries_find(t.fd, VERSION, &l), 0);
	tree_link(&t, "usr/lib/libcuda.so.1", "libcuda.so.1");
	assert_int_equal(libraries_find(t.fd, VERSION, &l), 0);
	tree_file(&t, "usr/lib64/libcuda.so." VERSION "/x", "");
	assert_int_equal(libraries_find(t.fd, VERSION, &l), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_libraries_find_of_the_version_only),
		T(test_libraries_find_through_alternatives),
		T(test_libraries_find_links_that_lead_nowhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
