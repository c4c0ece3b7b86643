/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sys/devport sees and does on a real kernel, for the lab: the executor's verbs are for PCI
 * functions, and the only devlink ports in the lab are netdevsim's.
 *
 *	ports BUS DEVICE             one line for each VF that has a port
 *	ports BUS DEVICE VF MAC      sets the MAC of its function, reads it back
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "sys/devport.h"

static void print(const struct devport *p, void *userdata)
{
	(void)userdata;
	if (p->has_mac)
		printf("VF %d: MAC %02x:%02x:%02x:%02x:%02x:%02x\n", p->vf, p->mac[0], p->mac[1],
		       p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
	else
		printf("VF %d: no function attributes\n", p->vf);
}

static int failed(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	return 1;
}

static int set(char **argv)
{
	struct devport port;
	uint32_t vf;
	unsigned char *m = port.mac;
	if (num_parse_u32(argv[3], 10, &vf) < 0)
		return failed(argv[3], -EINVAL);
	int r = devport_find(argv[1], argv[2], (int)vf, &port);
	if (r < 0)
		return failed("get", r);
	port.has_state = false;
	port.has_mac = sscanf(argv[4], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1], &m[2], &m[3],
			      &m[4], &m[5]) == 6;
	r = devport_set(argv[1], argv[2], &port);
	if (r < 0)
		return failed("set", r);
	r = devport_find(argv[1], argv[2], (int)vf, &port);
	if (r < 0)
		return failed("get", r);
	print(&port, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5)
		return set(argv);
	if (argc != 3) {
		fputs("usage: ports BUS DEVICE [VF MAC]\n", stderr);
		return 2;
	}
	int r = devport_each(argv[1], argv[2], print, NULL);
	return r < 0 ? failed("get", r) : 0;
}
