/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a plugin needs, in one include. */
#ifndef ORASI_PLUGIN_H
#define ORASI_PLUGIN_H

#include <orasi/abi.h>
#include <orasi/host.h>
#include <orasi/index.h>
#include <orasi/ingest.h>
#include <orasi/notifier.h>
#include <orasi/task.h>
#include <orasi/transform.h>

#endif
