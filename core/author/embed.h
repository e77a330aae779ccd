/* SPDX-License-Identifier: Apache-2.0 */
/* Files that this program carries: the examples that new projects are made from. See tools/embed. */
#ifndef AUTHOR_EMBED_H
#define AUTHOR_EMBED_H

struct embedded_file {
	const char *path, *text; /* path NULL ends the list */
};
extern const struct embedded_file embedded_files[];

#endif
