/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See value.h. */
#include "policy/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/num.h"
#include "base/str.h"
#include "policy/suggest.h"

/* A claim's name is its class's name with "-N" behind it: room for that is kept. */
#define NAME_LENGTH_MAX 48
#define VLAN_MAX 4094 /* IEEE 802.1Q: 0 and 4095 are reserved */

/* todo NULL: it is in the complaint already. */
__attribute__((format(printf, 4, 5))) static int
complain(struct policy_complaint *c, const char *id, const char *todo, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->what, sizeof(c->what), fmt, ap);
	va_end(ap);
	c->id = id;
	if (todo)
		(void)STR_COPY(c->todo, todo);
	return -EINVAL;
}

static bool text_in(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (strcasecmp(text, *list) == 0)
			return true;
	return false;
}

bool policy_text_old_boolean(const char *text)
{
	static const char *const words[] = { "yes", "no", "on", "off", "y", "n", NULL };
	return text_in(text, words);
}

/* Digits with the signs, points, colons and exponents that numbers of either version may have. */
static bool looks_like_number(const char *text)
{
	static const char *const special[] = { ".inf", "-.inf", "+.inf", ".nan", NULL };
	if (text_in(text, special))
		return true;
	const char *p = text + (*text == '+' || *text == '-');
	if (!isdigit((unsigned char)*p) && !(*p == '.' && isdigit((unsigned char)p[1])))
		return false;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'o'))
		return p[2] && p[2 + strspn(p + 2, "0123456789abcdefABCDEF_")] == '\0';
	p += strspn(p, "0123456789_.:");
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		p += strspn(p, "0123456789");
	}
	return *p == '\0';
}

bool policy_text_ambiguous(const char *text)
{
	static const char *const words[] = { "", "~", "null", "true", "false", NULL };
	return text_in(text, words) || policy_text_old_boolean(text) || looks_like_number(text);
}

bool policy_name_valid(const char *text)
{
	if (!isalnum((unsigned char)*text) || strlen(text) > NAME_LENGTH_MAX)
		return false;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return true;
}

const char *policy_kind_regex(enum option_kind kind)
{
	switch (kind) {
	case OPTION_NAME:
		return "^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$";
	case OPTION_ID:
		return "^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$";
	case OPTION_ADDRESS:
		return "^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]$";
	case OPTION_MAC:
		return "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$";
	case OPTION_KEY:
		return "^(pci|sys):[!-~]+$";
	case OPTION_DURATION:
		return "^(0|[1-9][0-9]{0,9})[smhd]$";
	case OPTION_VLANS:
		return "^[1-9][0-9]{0,3}-[1-9][0-9]{0,3}$";
	case OPTION_SIZE:
		return "^[1-9][0-9]{0,8}(MiB|GiB)$";
	case OPTION_MAP:
	case OPTION_NAMED:
	case OPTION_LIST:
	case OPTION_MATCH:
	case OPTION_MATCHES:
	case OPTION_COUNTS:
	case OPTION_TEXT:
	case OPTION_NUMBER:
	case OPTION_BOOL:
	case OPTION_WORD:
	case OPTION_RATE:
	case OPTION_LATER:
		break;
	}
	return NULL;
}

static int read_name(const char *text, struct policy_complaint *c)
{
	if (policy_name_valid(text))
		return 0;
	return complain(c, "policy.value", "use these characters only, as in gpu-1",
			"\"%.60s\" is no name: up to 48 letters, digits, and . _ - after the first",
			text);
}

int policy_form_check(const struct policy_form *form, const char *text, struct policy_complaint *c)
{
	regex_t regex;
	if (regcomp(&regex, form->regex, REG_EXTENDED | REG_NOSUB) != 0)
		return complain(c, "base.memory", "try again when this host has more memory free",
				"out of memory");
	bool ok = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	if (ok)
		return 0;
	(void)STR_COPY(c->todo, form->todo);
	return complain(c, "policy.value", NULL, "\"%.60s\" is no %s", text, form->name);
}

static int read_text(const struct policy_option *o, const char *text, struct policy_complaint *c)
{
	if (*text == '\0')
		return complain(c, "policy.value", "write something there, or leave the key out",
				"must not be empty");
	for (const char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p))
			return complain(c, "policy.value", "write it in one line",
					"must be one line of text");
	return o->form ? policy_form_check(o->form, text, c) : 0;
}

static int number_in(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
		     struct policy_complaint *c)
{
	bool padded = text[0] == '0' && text[1] != '\0';
	if (!padded && num_parse(text, 10, max, ret) >= 0 && *ret >= min)
		return 0;
	bool digits = *text && text[strspn(text, "0123456789")] == '\0' && !padded;
	if (digits)
		(void)STR_FORMAT(c->todo, "write a number within %" PRIu64 " to %" PRIu64, min,
				 max);
	else
		(void)STR_COPY(c->todo,
			       "write a whole decimal number, without sign or leading zero");
	return complain(c, digits ? "policy.value" : "policy.type", NULL,
			"must be a number from %" PRIu64 " to %" PRIu64 ", not \"%.40s\"", min, max,
			text);
}

static int read_bool(const char *text, bool *ret, struct policy_complaint *c)
{
	if (str_eq(text, "true") || str_eq(text, "false")) {
		*ret = *text == 't';
		return 0;
	}
	if (policy_text_old_boolean(text)) {
		bool yes = strchr("yY", *text) || strcasecmp(text, "on") == 0;
		(void)STR_FORMAT(c->todo, "write %s", yes ? "true" : "false");
		return complain(c, "policy.boolean", NULL,
				"\"%s\" is a boolean for some YAML readers and a text for others",
				text);
	}
	return complain(c, "policy.type", "write true or false",
			"must be true or false, not \"%.40s\"", text);
}

static int unknown_word(const struct policy_option *o, const char *text, struct policy_complaint *c)
{
	struct suggestion s;
	suggestion_init(&s, text);
	for (const char *const *w = o->words; *w; w++)
		suggestion_add(&s, *w);
	_cleanup_free_ char *todo = suggestion_take(&s, "leave it out");
	(void)STR_COPY(c->todo, todo ? todo : "");
	for (size_t i = 0; o->words_later && o->words_later[i]; i++)
		if (str_eq(o->words_later[i], text))
			return complain(c, "policy.not-built", NULL,
					"this version of carve does not do \"%s: %s\" yet", o->key,
					text);
	return complain(c, "policy.value", NULL, "\"%.40s\" is not known", text);
}

static int read_word(const struct policy_option *o, const char *text, struct policy_value *ret,
		     struct policy_complaint *c)
{
	for (size_t i = 0; o->words[i]; i++) {
		if (!str_eq(o->words[i], text))
			continue;
		ret->number = i;
		return 0;
	}
	return unknown_word(o, text, c);
}

static int read_mac(const char *text, uint8_t ret[MAC_SIZE], struct policy_complaint *c)
{
	if (mac_parse(text, ret) < 0)
		return complain(c, "policy.value",
				"write six pairs of hexadecimal digits, in quotes",
				"\"%.40s\" is no MAC address (as in \"52:54:00:aa:00:01\")", text);
	if (!mac_is_unicast(ret))
		return complain(c, "policy.value", "use one as in \"52:54:00:aa:00:01\"",
				"%s is no address of one machine: multicast or zero", text);
	return 0;
}

static int read_id(const char *text, struct policy_complaint *c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	if (strspn(text, digits) == 4 && text[4] == ':' && strspn(text + 5, digits) == 4 &&
	    text[9] == '\0')
		return 0;
	return complain(c, "policy.value", "copy it from carve show DEVICE, in quotes",
			"\"%.40s\" is no id (vendor:device, four digits each: \"10de:1e07\")",
			text);
}

static int read_address(const char *text, struct policy_complaint *c)
{
	if (pci_addr_valid(text))
		return 0;
	return complain(c, "policy.value", "copy it from carve list",
			"\"%.40s\" is no PCI address (as in \"0000:3b:00.0\", in lower case)",
			text);
}

static int read_key(const char *text, struct policy_complaint *c)
{
	const char *rest = str_after(text, "pci:");
	if (!rest)
		rest = str_after(text, "sys:");
	if (rest && *rest && !strpbrk(rest, " \t\n\r") && strlen(text) < DEVICE_KEY_SIZE)
		return 0;
	return complain(c, "policy.value", "copy it from carve show DEVICE",
			"\"%.60s\" is no device key (as carve list --json shows)", text);
}

static int read_vlans(const char *text, struct policy_value *v, struct policy_complaint *c)
{
	if (str_eq(text, "true") || str_eq(text, "false")) {
		v->flag = *text == 't';
		v->number = 1;
		v->last = VLAN_MAX;
		return 0;
	}
	v->flag = true;
	char first[8] = "", last[8] = "";
	const char *dash = strchr(text, '-');
	size_t n = dash ? (size_t)(dash - text) : strlen(text);
	if (n < sizeof(first))
		memcpy(first, text, n);
	int r = STR_COPY(last, dash ? dash + 1 : text);
	struct policy_complaint unused;
	if (r < 0 || number_in(first, 1, VLAN_MAX, &v->number, &unused) < 0 ||
	    number_in(last, 1, VLAN_MAX, &v->last, &unused) < 0 || v->number > v->last)
		return complain(c, "policy.value", "write true, 100 or 100-199",
				"must be true, a VLAN, or a range such as 100-199, within 1 to %d",
				VLAN_MAX);
	return 0;
}

static int read_rate(const struct policy_option *o, const char *text, struct policy_value *v,
		     struct policy_complaint *c)
{
	v->flag = !str_eq(text, "false");
	v->number = 0;
	if (!v->flag || str_eq(text, "true"))
		return 0;
	return number_in(text, o->min, o->max, &v->number, c);
}

#define SIZE_MAX_MIB (16 * 1024 * 1024)

static int read_size(const char *text, uint64_t *ret, struct policy_complaint *c)
{
	char digits[16] = "";
	size_t n = strspn(text, "0123456789");
	const char *unit = text + n;
	uint64_t times = str_eq(unit, "GiB") ? 1024 : str_eq(unit, "MiB") ? 1 : 0;
	struct policy_complaint unused;
	if (n < sizeof(digits))
		memcpy(digits, text, n);
	if (times && number_in(digits, 1, SIZE_MAX_MIB / times, ret, &unused) >= 0) {
		*ret *= times;
		return 0;
	}
	return complain(c, "policy.value", "write a whole number and MiB or GiB, as in 8GiB",
			"\"%.40s\" is no size from 1MiB to 16384GiB", text);
}

static int read_duration(const struct policy_option *o, const char *text, uint64_t *ret,
			 struct policy_complaint *c)
{
	char min[DURATION_TEXT_SIZE], max[DURATION_TEXT_SIZE];
	duration_format(o->min, min);
	duration_format(o->max, max);
	int r = duration_parse(text, o->max, ret);
	if (r >= 0 && *ret >= o->min)
		return 0;
	if (r >= 0 || r == -ERANGE) {
		(void)STR_FORMAT(c->todo, "write something from %s to %s", min, max);
		return complain(c, "policy.value", NULL, "must be a time from %s to %s, not %.40s",
				min, max, text);
	}
	bool digits = *text && text[strspn(text, "0123456789")] == '\0';
	if (digits)
		(void)STR_FORMAT(c->todo, "say of what: %.10ss, %.10sm, %.10sh or %.10sd", text,
				 text, text, text);
	else
		(void)STR_COPY(c->todo,
			       "write a number and one of s, m, h, d, as in 30m, 12h or 2d");
	return complain(c, "policy.value", NULL, "\"%.40s\" is no time (as in 30m, 12h or 2d)",
			text);
}

int policy_value_read(const struct policy_option *o, const char *text, struct policy_value *ret,
		      struct policy_complaint *c)
{
	*c = (struct policy_complaint){ 0 };
	ret->text = text;
	switch (o->kind) {
	case OPTION_NAME:
		return read_name(text, c);
	case OPTION_TEXT:
		return read_text(o, text, c);
	case OPTION_COUNTS:
	case OPTION_NUMBER:
		return number_in(text, o->min, o->max, &ret->number, c);
	case OPTION_BOOL:
		return read_bool(text, &ret->flag, c);
	case OPTION_WORD:
		return read_word(o, text, ret, c);
	case OPTION_ID:
		return read_id(text, c);
	case OPTION_ADDRESS:
		return read_address(text, c);
	case OPTION_MAC:
		return read_mac(text, ret->mac, c);
	case OPTION_KEY:
		return read_key(text, c);
	case OPTION_VLANS:
		return read_vlans(text, ret, c);
	case OPTION_DURATION:
		return read_duration(o, text, &ret->number, c);
	case OPTION_RATE:
		return read_rate(o, text, ret, c);
	case OPTION_SIZE:
		return read_size(text, &ret->number, c);
	case OPTION_MAP:
	case OPTION_NAMED:
	case OPTION_LIST:
	case OPTION_MATCH:
	case OPTION_MATCHES:
	case OPTION_LATER:
		break;
	}
	return complain(c, "policy.type", "write a single value there", "%s is not a single value",
			o->key);
}
