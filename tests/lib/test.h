/* SPDX-License-Identifier: Apache-2.0 */
/* What every test program needs: Check, a main that speaks TAP, temporary folders, the corpus. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <check.h>
#include <stddef.h>
#include <sys/types.h>

/* Declares main for one suite of one or more cases:
 *   TEST_MAIN("queue", queue_cases)   with   static void queue_cases(Suite *suite) { … }  */
#define TEST_MAIN(name, fill)                      \
	int main(void)                             \
	{                                          \
		Suite *suite = suite_create(name); \
                                                   \
		fill(suite);                       \
		return test_run(suite);            \
	}

int test_run(Suite *suite);

/* A fresh folder, removed at exit of the test process that asked for it, and of a killed one when the program ends. */
const char *test_dir(void);
/* One more, in another place, as /dev/shm, once a test; NULL: none can be made there. */
const char *test_dir_in(const char *place);
/* Forks a process that will be killed. It says nothing to Check, with whom it would share the file of messages: a kill in
 * the midst of a write that crosses a page leaves half a message there, and Check then ends the whole program. */
pid_t test_victim(void);
/* "<test_dir>/<name>", static storage of 8 turns. */
const char *test_path(const char *name);

/* Path of a file of the public corpus (ORASI_CORPUS or ../shared/corpus beside the sources), or
 * NULL after printing that the test is skipped. Static storage of 8 turns. */
const char *test_corpus(const char *name);

/* Turns of 10 ms in which comes what usually takes one or two: the machine may be slow, and busy with other things. */
#define PATIENCE 12000

/* Fails the test with the error's sentence when r != 0. */
#define ck_ok(r, err) ck_assert_msg((r) == 0, "%s", (err)->text)

#endif
