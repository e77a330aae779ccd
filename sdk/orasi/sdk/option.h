/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a plugin: what is not allowed is refused by the name of the option and with what it may be. `ptr` is a JSON
 * pointer such as "/max_line". *ret stays as it is when the option is not there. Linked statically (liborasi-sdk), no
 * part of the ABI. Threads: as the configuration's. */
#ifndef ORASI_SDK_OPTION_H
#define ORASI_SDK_OPTION_H

#include <orasi/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ORASI_E_CONFIG also when it is not there and *ret is out of bounds. */
orasi_status orasi_option_int(const orasi_config *config, const char *ptr, int64_t least, int64_t most, int64_t *ret,
                              orasi_error *err);
/* *ret: the place of the word in `words`, which ends with NULL. */
orasi_status orasi_option_word(const orasi_config *config, const char *ptr, const char *const *words, int *ret,
                               orasi_error *err);

#ifdef __cplusplus
}
#endif

#endif
