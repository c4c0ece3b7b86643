/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See caps.h. */
#include "host/caps.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "sys/sysfs.h"

/* The number behind a word, "DeviceFileMinor: 12"; text is changed. */
static int number_behind(char *text, const char *word, uint32_t *ret)
{
	char *at = strstr(text, word);
	if (!at)
		return -ENOENT;
	at += strlen(word);
	at += strspn(at, " \t");
	at[strcspn(at, " \t\n")] = '\0';
	return num_parse_u32(at, 10, ret);
}

int caps_gpu_minor(int proc, const char *addr, uint32_t *ret)
{
	char path[128], text[2048];
	int r = STR_FORMAT(path, "driver/nvidia/gpus/%s/information", addr);
	ssize_t n = r < 0 ? r : sysfs_read(proc, path, text, sizeof(text));
	return n < 0 ? (int)n : number_behind(text, "Device Minor:", ret);
}

/* " 234 nvidia-caps" in /proc/devices, among the character devices, which come first. */
static int major_find(int proc, uint32_t *ret)
{
	char text[8192], *save = NULL;
	ssize_t n = sysfs_read(proc, "devices", text, sizeof(text));
	if (n < 0)
		return (int)n;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *name = l + strspn(l, " ");
		size_t digits = strspn(name, "0123456789");
		if (digits == 0 || !str_eq(name + digits, " nvidia-caps"))
			continue;
		name[digits] = '\0';
		return num_parse_u32(name, 10, ret);
	}
	return -ENOENT;
}

int caps_nodes(int proc, const char *addr, uint32_t instance, char ret[CAPS_NODES][32],
	       size_t *ret_n)
{
	uint32_t gpu, major, minor;
	*ret_n = 0;
	int r = caps_gpu_minor(proc, addr, &gpu);
	if (r == 0)
		r = major_find(proc, &major);
	for (unsigned i = 0; r == 0 && i < CAPS_NODES; i++) {
		char path[128], compute[16] = "", text[512];
		if (i > 0)
			(void)STR_FORMAT(compute, "/ci%u", i - 1);
		r = STR_FORMAT(path, "driver/nvidia/capabilities/gpu%u/mig/gi%u%s/access", gpu,
			       instance, compute);
		if (r < 0 || sysfs_read(proc, path, text, sizeof(text)) < 0)
			continue;
		r = number_behind(text, "DeviceFileMinor:", &minor);
		if (r == 0)
			r = str_format(ret[(*ret_n)++], 32, "%u:%u", major, minor);
	}
	return r == -ENOENT ? 0 : r;
}
