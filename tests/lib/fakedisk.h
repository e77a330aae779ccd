/* SPDX-License-Identifier: Apache-2.0 */
/* A disk under SQLite that fails when told to: a VFS over the real one that counts what is written to
 * and synced in the write-ahead log. Threads: any. */
#ifndef TESTS_FAKEDISK_H
#define TESTS_FAKEDISK_H

void fakedisk_start(void);       /* databases opened from now on are on this disk; twice is harmless */
void fakedisk_fail_after(int n); /* n more operations succeed, then none does */
void fakedisk_fail_syncs(void);  /* writes succeed, syncs do not */
void fakedisk_fill(void);        /* nothing can be written: there is no room */
void fakedisk_heal(void);
int fakedisk_failures(void); /* since the last call of the four above */

#endif
