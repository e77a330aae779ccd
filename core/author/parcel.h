/* SPDX-License-Identifier: Apache-2.0 */
/* Things on their way from one process of an exam to the next: byte strings with their length in front, schemas. */
#ifndef AUTHOR_PARCEL_H
#define AUTHOR_PARCEL_H

#include <orasi/arrow.h>

#include "base/buf.h"
#include "exam.h"

void parcel_put(struct buf *parcel, const void *p, size_t n);
const uint8_t *parcel_take(const char **at, size_t *left, size_t *ret_n); /* NULL: the parcel is cut */
void parcel_put_schema(struct buf *parcel, const struct ArrowSchema *schema);
int parcel_take_schema(const char **at, size_t *left, struct ArrowSchema *ret);

/* Laid down below --scratch, durable before anything may die. -1: the exam has failed. */
int parcel_keep(struct exam *exam, const char *name, const struct buf *parcel);
int parcel_fetch(struct exam *exam, const char *name, struct buf *ret); /* not 0: there is none */
void parcel_forget(struct exam *exam, const char *name);

#endif
