/* SPDX-License-Identifier: Apache-2.0 */
/* Does an answer have the shape that the OpenAPI document promises? */
#ifndef TESTS_API_SHAPE_H
#define TESTS_API_SHAPE_H

/* Fails the test when the last answer (t.client, t.reply) is not what t.document says of this request. */
void check_answer(const char *method, const char *path);

#endif
