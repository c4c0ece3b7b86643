/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single values of a policy: from the text of a scalar to what the option means by it. */
#pragma once
#include "policy/option.h"

/* What is wrong with a value, in words: "must be a number from 1 to 4094". */
struct policy_complaint {
	const char *id;
	char what[200];
	char todo[320];
};

/* Reads text as the option's kind wants it. ret->text borrows text. -EINVAL with the complaint. */
int policy_value_read(const struct policy_option *o, const char *text, struct policy_value *ret,
		      struct policy_complaint *complaint);
/* Would a YAML 1.1 or 1.2 reader take this unquoted text for something that is no text? */
bool policy_text_ambiguous(const char *text);
/* "yes", "no", "on", "off" and so on: booleans for YAML 1.1 only. */
bool policy_text_old_boolean(const char *text);
bool policy_name_valid(const char *text);
/* -EINVAL with the complaint when text does not look like the form. */
int policy_form_check(const struct policy_form *form, const char *text,
		      struct policy_complaint *complaint);
/* Regular expression of a kind for the JSON schema; NULL: any. */
const char *policy_kind_regex(enum option_kind kind);
