/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces that carved speaks: io.carve, whose description file is carried in the program as it
 * is, and org.varlink.service, by which varlinkctl and others find out about the former.
 */
#pragma once
#include <jansson.h>

#define INTERFACE_CARVE "io.carve"
#define INTERFACE_SERVICE "org.varlink.service"

/* Text of api/io.carve.varlink, and of the standard interface. */
const char *interface_carve_text(void);
const char *interface_service_text(void);

/* Answers a method of org.varlink.service. Returns NULL for success with *ret_params (new), or the name
 * of an error with its parameters. */
const char *interface_service_call(const char *method, const json_t *params, json_t **ret_params);
/* Parameters of the standard errors; new references, NULL: no memory. */
json_t *interface_parameter_error(const char *parameter);
json_t *interface_method_error(const char *method);
