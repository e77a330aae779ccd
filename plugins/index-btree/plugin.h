/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BTREE_PLUGIN_H
#define BTREE_PLUGIN_H

#include <orasi/plugin.h>

#define BTREE_ID "org.orasi.index.btree"

extern const orasi_index_factory btree_factory;

#endif
