/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be called, by whom, and who answers it. */
#pragma once
#include "daemon/facts.h"
#include "daemon/server.h"

/* Answers the call, or marks its session as waiting. Borrows call, may empty it. */
void methods_call(struct session *s, struct varlink_call *call);

/* Others may have divided GPUs meanwhile. */
enum method_gpus {
	GPUS_AS_KNOWN,
	GPUS_ASKED,   /* the library of each is asked */
	GPUS_CHECKED, /* it is asked of those whose driver shows that something has changed */
};

struct method {
	const char *name; /* of io.carve */
	enum peer_need need;
	bool changes; /* goes through the engine: needs a good ledger and an executor */
	bool starts;  /* waits until the machine was looked at */
	enum method_gpus gpus;
	void (*run)(struct session *s, const json_t *params);
};
extern const struct method methods[];
extern const size_t methods_n;

/* methods-look.c */
void method_get_info(struct session *s, const json_t *params);
void method_list_devices(struct session *s, const json_t *params);
void method_list_slices(struct session *s, const json_t *params);
void method_list_claims(struct session *s, const json_t *params);
void method_get_handle(struct session *s, const json_t *params);
void method_list_quarantine(struct session *s, const json_t *params);
/* The device of that key as ListDevices shows it; NULL: there is none. */
json_t *method_device_json(const struct daemon *d, const struct enrollment *enrolled,
			   const char *key);
/* methods-explain.c */
void method_explain(struct session *s, const json_t *params);
/* methods-classes.c */
void method_list_classes(struct session *s, const json_t *params);
void method_list_tenants(struct session *s, const json_t *params);
/* methods-map.c */
void method_get_map(struct session *s, const json_t *params);
void method_get_defrag(struct session *s, const json_t *params);
void method_get_fit(struct session *s, const json_t *params);
/* methods-policy.c */
void method_list_policies(struct session *s, const json_t *params);
void method_get_policy(struct session *s, const json_t *params);
/* methods-watch.c */
void method_holders(struct session *s, const json_t *params);
void method_events(struct session *s, const json_t *params);
void method_doctor(struct session *s, const json_t *params);
void method_preflight(struct session *s, const json_t *params);
/* methods-change.c */
void method_claim(struct session *s, const json_t *params);
void method_release(struct session *s, const json_t *params);
void method_plan(struct session *s, const json_t *params);
void method_apply(struct session *s, const json_t *params);
/* The policy that a request is about: its own, or the last applied one. -ENOENT: neither. */
int method_policy(const struct session *s, const json_t *params, const char **ret_text,
		  const char **ret_file, struct err *reterr);
void method_retry_reclaim(struct session *s, const json_t *params);
void method_adopt(struct session *s, const json_t *params);
void method_disown(struct session *s, const json_t *params);
void method_hand_back(struct session *s, const json_t *params);
void method_drain(struct session *s, const json_t *params);
void method_clear_quarantine(struct session *s, const json_t *params);
/* propose.c */
void method_propose(struct session *s, const json_t *params);

/* Text of a parameter; NULL: not given. */
const char *method_text(const json_t *params, const char *name);
/* The device a caller means by key, address or interface name: its key; NULL: there is none. */
const char *method_device(const struct daemon *d, const char *text);
/* Pins a policy to this machine: see policy_pin(). */
int methods_pin(const struct daemon *d, const struct policy *p, struct want **ret, size_t *ret_n,
		struct err *reterr);
/* What a policy is matched against, as it is now; the caller ends it with facts_match_done(). */
int method_facts(const struct daemon *d, struct facts_match *ret, struct err *reterr);
/* Answers that there is no such device, and which may be meant. */
void method_no_device(struct session *s, const char *text);
