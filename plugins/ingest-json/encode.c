/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin.h"

const orasi_encode_factory encode_factory = {.struct_size = sizeof(encode_factory)};
