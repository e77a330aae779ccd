/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FULLTEXT_PLUGIN_H
#define FULLTEXT_PLUGIN_H

#include <orasi/plugin.h>

#define FULLTEXT_ID "org.orasi.index.fulltext"

extern const orasi_index_factory fulltext_factory;

#endif
