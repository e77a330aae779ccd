/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that loses its power: an SQLite VFS that remembers what was written since the last sync of each
 * file. At the cut each of those writes is there, is not there, or is there in some of its sectors of 512
 * bytes, in any combination; a file that was never synced may be gone, whole. What was synced is there. Behind
 * the cut every call fails, as nobody hears an answer any more. */
#ifndef TESTS_POWERCUT_H
#define TESTS_POWERCUT_H

void powercut_start(unsigned seed); /* becomes the default VFS; forgets everything */
void powercut_after(int n);         /* the n-th write, truncation or sync from now on does not happen */
/* A kill instead of a cut: what was written is there, synced or not, up to the one that the end meets. */
void powercut_is_kill(int is_kill);
int powercut_happened(void);
/* Leaves on the real disk what survived, and gives the real VFS back. All files must be closed. */
void powercut_restore(void);

#endif
