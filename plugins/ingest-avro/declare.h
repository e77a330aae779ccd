/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow schemas as Avro schemas, for what is written. Names that Avro does not allow ([A-Za-z_][A-Za-z0-9_]*) get ones
 * that it does. */
#ifndef INGEST_AVRO_DECLARE_H
#define INGEST_AVRO_DECLARE_H

#include <stdbool.h>

#include <orasi/plugin.h>
#include <orasi/sdk/json.h>

/* Is a column of maps declared as a map (its keys are text), or as a list of its entries? */
bool declare_is_map(const struct ArrowSchema *field);
/* Puts the JSON text of the record that the rows are into *ret, the caller's to jsonw_done. A column of a type that Avro
 * has nothing for is refused with its name. */
orasi_status declare_rows(const struct ArrowSchema *schema, struct jsonw *ret, orasi_error *err);

#endif
