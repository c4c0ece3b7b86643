/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See mac.h. */
#include "base/mac.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

int mac_parse(const char *text, uint8_t ret[MAC_SIZE])
{
	uint8_t mac[MAC_SIZE];
	if (strlen(text) != MAC_TEXT_SIZE - 1)
		return -EINVAL;
	for (size_t i = 0; i < MAC_SIZE; i++) {
		const char pair[3] = { text[3 * i], text[3 * i + 1], '\0' };
		char behind = i < MAC_SIZE - 1 ? ':' : '\0';
		uint64_t byte;
		if (text[3 * i + 2] != behind || num_parse(pair, 16, UINT8_MAX, &byte) < 0)
			return -EINVAL;
		mac[i] = (uint8_t)byte;
	}
	memcpy(ret, mac, MAC_SIZE);
	return 0;
}

void mac_format(const uint8_t mac[MAC_SIZE], char ret[MAC_TEXT_SIZE])
{
	(void)str_format(ret, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
}

bool mac_is_unicast(const uint8_t mac[MAC_SIZE])
{
	static const uint8_t zero[MAC_SIZE];
	return !(mac[0] & 1) && memcmp(mac, zero, MAC_SIZE) != 0;
}
