/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MAC addresses of Ethernet as text: six pairs of hexadecimal digits with colons between them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MAC_SIZE 6
#define MAC_TEXT_SIZE 18 /* "52:54:00:aa:00:01" */

/* -EINVAL; digits may be in upper or lower case. */
int mac_parse(const char *text, uint8_t ret[MAC_SIZE]);
void mac_format(const uint8_t mac[MAC_SIZE], char ret[MAC_TEXT_SIZE]);
/* An address that one machine can have: neither multicast nor zero. */
bool mac_is_unicast(const uint8_t mac[MAC_SIZE]);
