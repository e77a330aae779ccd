/* SPDX-License-Identifier: Apache-2.0 */
#include <orasi/sdk/option.h>

#include <string.h>

#include <orasi/sdk/fail.h>

orasi_status orasi_option_int(const orasi_config *config, const char *ptr, int64_t least, int64_t most, int64_t *ret,
                              orasi_error *err)
{
	config->get_i64(config, ptr, ret);
	if (*ret >= least && *ret <= most)
		return ORASI_OK;
	return orasi_fail(err, ORASI_E_CONFIG, "the option '%s' is %lld, it must be %lld to %lld", ptr + 1,
	                  (long long)*ret, (long long)least, (long long)most);
}

orasi_status orasi_option_word(const orasi_config *config, const char *ptr, const char *const *words, int *ret,
                               orasi_error *err)
{
	orasi_str value;

	if (config->get_str(config, ptr, &value))
		return ORASI_OK;
	for (int i = 0; words[i]; i++)
		if (strlen(words[i]) == value.len && !memcmp(words[i], value.ptr, value.len)) {
			*ret = i;
			return ORASI_OK;
		}
	return orasi_fail(err, ORASI_E_CONFIG, "the option '%s' does not know '%.*s'", ptr + 1, (int)value.len,
	                  value.ptr);
}
