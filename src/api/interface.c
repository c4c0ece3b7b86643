/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See interface.h. The standard interface: varlink.org/Service. */
#include "api/interface.h"

#include <stddef.h>

#include "base/str.h"

/* The file itself, with a NUL behind it. The path is below the root of the source tree, where make
 * runs. */
__asm__(".pushsection .rodata.interface, \"a\", %progbits\n"
	"carve_interface_text:\n"
	".incbin \"api/io.carve.varlink\"\n"
	".byte 0\n"
	".popsection\n");
extern const char carve_interface_text[] __attribute__((visibility("hidden")));

const char *interface_carve_text(void)
{
	return carve_interface_text;
}

const char *interface_service_text(void)
{
	return "# The standard interface of every Varlink service.\n"
	       "interface org.varlink.service\n"
	       "\n"
	       "method GetInfo() -> (\n"
	       "  vendor: string, product: string, version: string, url: string,\n"
	       "  interfaces: []string\n"
	       ")\n"
	       "method GetInterfaceDescription(interface: string) -> (description: string)\n"
	       "\n"
	       "error InterfaceNotFound (interface: string)\n"
	       "error MethodNotFound (method: string)\n"
	       "error MethodNotImplemented (method: string)\n"
	       "error InvalidParameter (parameter: string)\n"
	       "error PermissionDenied ()\n"
	       "error ExpectedMore ()\n";
}

json_t *interface_parameter_error(const char *parameter)
{
	return json_pack("{s:s}", "parameter", parameter);
}

json_t *interface_method_error(const char *method)
{
	return json_pack("{s:s}", "method", method);
}

static json_t *service_info(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "carve", "product", "carved",
			 "version", CARVE_VERSION, "url", "", "interfaces", INTERFACE_SERVICE,
			 INTERFACE_CARVE);
}

static const char *service_describe(const json_t *params, json_t **ret_params)
{
	const char *name = json_string_value(json_object_get(params, "interface"));
	const char *text = NULL;
	if (!name) {
		*ret_params = interface_parameter_error("interface");
		return INTERFACE_SERVICE ".InvalidParameter";
	}
	if (str_eq(name, INTERFACE_CARVE))
		text = interface_carve_text();
	if (str_eq(name, INTERFACE_SERVICE))
		text = interface_service_text();
	if (!text) {
		*ret_params = json_pack("{s:s}", "interface", name);
		return INTERFACE_SERVICE ".InterfaceNotFound";
	}
	*ret_params = json_pack("{s:s}", "description", text);
	return NULL;
}

const char *interface_service_call(const char *method, const json_t *params, json_t **ret_params)
{
	if (str_eq(method, INTERFACE_SERVICE ".GetInfo")) {
		*ret_params = service_info();
		return NULL;
	}
	if (str_eq(method, INTERFACE_SERVICE ".GetInterfaceDescription"))
		return service_describe(params, ret_params);
	*ret_params = interface_method_error(method);
	return INTERFACE_SERVICE ".MethodNotFound";
}
