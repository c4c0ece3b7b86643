/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of methods, and what is checked before one runs. See methods.h. */
#include "daemon/methods.h"

#include <errno.h>

#include "api/interface.h"
#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "policy/match.h"

const struct method methods[] = {
	{ "GetInfo", PEER_LOOK, false, false, GPUS_AS_KNOWN, method_get_info },
	{ "ListDevices", PEER_LOOK, false, false, GPUS_AS_KNOWN, method_list_devices },
	{ "ListSlices", PEER_LOOK, false, false, GPUS_CHECKED, method_list_slices },
	{ "ListClasses", PEER_LOOK, false, false, GPUS_AS_KNOWN, method_list_classes },
	{ "ListTenants", PEER_LOOK, false, true, GPUS_AS_KNOWN, method_list_tenants },
	{ "GetMap", PEER_LOOK, false, true, GPUS_AS_KNOWN, method_get_map },
	{ "GetDefrag", PEER_LOOK, false, true, GPUS_AS_KNOWN, method_get_defrag },
	{ "GetFit", PEER_LOOK, false, true, GPUS_AS_KNOWN, method_get_fit },
	{ "Explain", PEER_LOOK, false, true, GPUS_AS_KNOWN, method_explain },
	{ "ListClaims", PEER_LOOK, false, false, GPUS_CHECKED, method_list_claims },
	{ "GetHandle", PEER_LOOK, false, false, GPUS_CHECKED, method_get_handle },
	{ "Claim", PEER_CLAIM, true, true, GPUS_CHECKED, method_claim },
	{ "Release", PEER_CLAIM, true, true, GPUS_AS_KNOWN, method_release },
	{ "ListPolicies", PEER_LOOK, false, false, GPUS_AS_KNOWN, method_list_policies },
	{ "GetPolicy", PEER_LOOK, false, false, GPUS_AS_KNOWN, method_get_policy },
	{ "Plan", PEER_CLAIM, false, true, GPUS_ASKED, method_plan },
	{ "Apply", PEER_MANAGE, true, true, GPUS_ASKED, method_apply },
	{ "Holders", PEER_LOOK, false, true, GPUS_AS_KNOWN, method_holders },
	{ "Doctor", PEER_LOOK, false, true, GPUS_ASKED, method_doctor },
	{ "Preflight", PEER_LOOK, false, true, GPUS_ASKED, method_preflight },
	{ "Propose", PEER_LOOK, false, true, GPUS_AS_KNOWN, method_propose },
	{ "ListQuarantine", PEER_LOOK, false, false, GPUS_AS_KNOWN, method_list_quarantine },
	{ "ClearQuarantine", PEER_MANAGE, true, true, GPUS_AS_KNOWN, method_clear_quarantine },
	{ "RetryReclaim", PEER_MANAGE, true, true, GPUS_AS_KNOWN, method_retry_reclaim },
	{ "Adopt", PEER_MANAGE, true, true, GPUS_ASKED, method_adopt },
	{ "Disown", PEER_MANAGE, true, true, GPUS_AS_KNOWN, method_disown },
	{ "HandBack", PEER_MANAGE, true, true, GPUS_AS_KNOWN, method_hand_back },
	{ "Drain", PEER_MANAGE, true, true, GPUS_AS_KNOWN, method_drain },
	{ "Events", PEER_LOOK, false, false, GPUS_AS_KNOWN, method_events },
};
const size_t methods_n = sizeof(methods) / sizeof(methods[0]);

const char *method_text(const json_t *params, const char *name)
{
	return json_string_value(json_object_get(params, name));
}

/* The function that has that network interface; NULL: none. */
static const struct function *netdev_function(const struct daemon *d,
					      const struct facts_netdevs *netdevs, const char *name)
{
	for (size_t i = 0; i < netdevs->n; i++)
		if (match_has_word(netdevs->items[i].names, name))
			return have_function(&d->picture.have, netdevs->items[i].addr);
	return NULL;
}

const char *method_device(const struct daemon *d, const char *text)
{
	const struct have *h = &d->picture.have;
	const struct function *f = have_device(h, text);
	if (!f)
		f = have_function(h, text);
	if (f)
		return f->key;
	const struct mdev_parent *p = have_parent(h, text);
	for (size_t i = 0; i < h->n_parents && !p; i++)
		if (str_eq(h->parents[i].name, text))
			p = &h->parents[i];
	if (p)
		return p->key;
	struct facts_netdevs netdevs;
	if (facts_netdevs_read(d->roots.sysfs, &netdevs) < 0)
		return NULL;
	f = netdev_function(d, &netdevs, text);
	facts_netdevs_done(&netdevs);
	return f ? f->key : NULL;
}

int method_facts(const struct daemon *d, struct facts_match *ret, struct err *reterr)
{
	*ret = (struct facts_match){ .have = &d->picture.have,
				     .facts = &d->facts,
				     .engine = d->engine };
	int r = daemon_enrollment(d, &ret->enrolled, reterr);
	if (r < 0)
		return r;
	r = daemon_services(d, &ret->services, reterr);
	if (r >= 0) {
		r = facts_netdevs_read(d->roots.sysfs, &ret->netdevs);
		if (r >= 0)
			return 0;
		err_set(reterr, "daemon.look", -r, "cannot look at the network interfaces");
	}
	facts_match_done(ret);
	return r;
}

/* Each of words on its own; the blanks between them are replaced. */
static void try_words(struct nearest *n, char *words)
{
	char *save = NULL;
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		nearest_try(n, w);
}

static void try_devices(struct nearest *n, const struct have *h, struct facts_netdevs *netdevs)
{
	for (size_t i = 0; i < h->n_functions; i++) {
		nearest_try(n, h->functions[i].addr);
		nearest_try(n, h->functions[i].key);
	}
	for (size_t i = 0; i < h->n_parents; i++) {
		nearest_try(n, h->parents[i].name);
		nearest_try(n, h->parents[i].key);
	}
	for (size_t i = 0; i < netdevs->n; i++)
		try_words(n, netdevs->items[i].names);
}

static void no_device_todo(const struct daemon *d, const char *text, struct err *e)
{
	struct facts_netdevs netdevs = { 0 };
	struct nearest n;
	nearest_init(&n, text);
	(void)facts_netdevs_read(d->roots.sysfs, &netdevs);
	try_devices(&n, &d->picture.have, &netdevs);
	struct str_buf b = { 0 };
	for (size_t i = 0; i < n.n; i++)
		str_buf_addf(&b, "%s%s", i ? ", " : "", n.names[i]);
	if (b.len)
		err_todo(e, "did you mean %s? carve list --all shows what there is", b.text);
	else
		err_todo(e, "carve list --all shows what there is");
	str_buf_done(&b);
	facts_netdevs_done(&netdevs);
}

void method_no_device(struct session *s, const char *text)
{
	_cleanup_err_ struct err e = { 0 };
	err_set(&e, "device.unknown", ENODEV, "there is no device %.200s", text);
	err_on(&e, "%.200s", text);
	err_because(&e, "it is no key, address, network interface or mdev parent of this host");
	err_state(&e, "nothing was changed");
	no_device_todo(s->daemon, text, &e);
	session_fail(s, &e);
}

static const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < methods_n; i++)
		if (str_eq(methods[i].name, name))
			return &methods[i];
	return NULL;
}

/* Parameters are what the interface says; handlers rely on it. */
static bool params_check(struct session *s, const struct method *m, const json_t *params)
{
	const struct idl *idl = s->daemon->idl;
	const struct idl_member *member = idl_find(idl, IDL_METHOD, m->name);
	const char *where = "";
	if (member && idl_check(idl, &member->in, params, &where))
		return true;
	session_error(s, INTERFACE_SERVICE ".InvalidParameter", interface_parameter_error(where));
	return false;
}

/* True: it has to wait for what their library says. */
static bool gpus_looked_at(struct daemon *d, const struct method *m)
{
	switch (m->gpus) {
	case GPUS_AS_KNOWN:
		return false;
	case GPUS_ASKED:
		return picture_gpus_ask(d);
	case GPUS_CHECKED:
		return drift_check(d) && picture_gpus_wait(d);
	}
	return false;
}

static void method_run(struct session *s, const struct method *m, struct varlink_call *call)
{
	struct daemon *d = s->daemon;
	if (!peer_may(&s->who, m->need)) {
		session_error(s, "io.carve.PermissionDenied",
			      json_pack("{s:s}", "need", peer_need_name(m->need)));
		return;
	}
	if (!params_check(s, m, call->params))
		return;
	bool looked = s->gpus_looked;
	s->gpus_looked = m->gpus != GPUS_AS_KNOWN;
	if ((m->starts && daemon_starting(d)) || (!looked && gpus_looked_at(d, m))) {
		session_waits(s, SESSION_START);
		s->held = *call;
		*call = (struct varlink_call){ 0 };
		return;
	}
	s->gpus_looked = false;
	_cleanup_err_ struct err e = { 0 };
	if (m->changes && daemon_check_changes(d, &e) < 0) {
		session_fail(s, &e);
		return;
	}
	m->run(s, call->params);
}

void methods_call(struct session *s, struct varlink_call *call)
{
	const char *dot = strrchr(call->method, '.');
	if (!dot) {
		session_error(s, INTERFACE_SERVICE ".MethodNotFound",
			      interface_method_error(call->method));
		return;
	}
	if (str_after(call->method, INTERFACE_SERVICE ".")) {
		json_t *params = NULL;
		const char *error = interface_service_call(call->method, call->params, &params);
		if (error)
			session_error(s, error, params);
		else
			session_reply(s, params, false);
		return;
	}
	const char *name = str_after(call->method, INTERFACE_CARVE ".");
	if (!name) {
		json_t *interface = json_stringn(call->method, (size_t)(dot - call->method));
		session_error(s, INTERFACE_SERVICE ".InterfaceNotFound",
			      json_pack("{s:o}", "interface", interface));
		return;
	}
	const struct method *m = method_find(name);
	if (m)
		method_run(s, m, call);
	else
		session_error(s, INTERFACE_SERVICE ".MethodNotFound",
			      interface_method_error(call->method));
}
