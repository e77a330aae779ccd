/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the config room only. */
#ifndef CONFIG_INSIDE_H
#define CONFIG_INSIDE_H

#include "config/config.h"

const struct config_section *config_section(const struct config_section *sections, const char *name);

#endif
