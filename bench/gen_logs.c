/* SPDX-License-Identifier: Apache-2.0 */
/* Writes log-like records as NDJSON to stdout, the same for the same number of rows:
 *
 *   gen_logs 1400000 > log.ndjson        about 374 bytes a record
 *
 * 14 fields; level INFO 60 %, DEBUG 20, WARN 10, ERROR 10; 12 services, 64 hosts, random hex ids, 7
 * methods, 7 path prefixes with a number behind, durations with 3 decimals, 7 messages of which one
 * has quotes to escape. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed = 88172645463325252;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((next() >> 32) * n >> 32);
}

static const char *const levels[] = {"INFO", "INFO", "INFO", "INFO", "INFO", "INFO", "DEBUG", "DEBUG", "WARN", "ERROR"};
static const char *const services[] = {"auth",      "billing", "cart",   "catalog", "checkout", "gateway",
                                       "inventory", "mail",    "orders", "search",  "shipping", "users"};
static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"};
static const char *const paths[] = {"/api/v1/users/", "/api/v1/orders/", "/api/v1/products/", "/api/v2/search/",
                                    "/static/img/",   "/health/",        "/api/v1/cart/"};
static const int statuses[] = {200, 200, 200, 200, 200, 200, 201, 204, 301,
                               302, 304, 400, 401, 403, 404, 429, 500, 503};
static const char *const messages[] = {"request completed",
                                       "cache miss, loaded from the database",
                                       "user session refreshed",
                                       "upstream answered \\\"too slow\\\" and was retried",
                                       "payment authorised by the provider",
                                       "background job finished",
                                       "connection pool exhausted, waited for a free one"};

static void row(uint64_t i)
{
	uint64_t ms = i * 37;
	uint32_t number = below(100000), duration = below(2000000), second = (uint32_t)(ms / 1000);
	const char *path = paths[below(7)];

	printf("{\"timestamp\":\"2026-03-%02uT%02u:%02u:%02u.%03uZ\",\"level\":\"%s\","
	       "\"service\":\"%s\",\"host\":\"node-%02u\",",
	       1 + second / 86400 % 28, second / 3600 % 24, second / 60 % 60, second % 60, (unsigned)(ms % 1000),
	       levels[below(10)], services[below(12)], below(64));
	printf("\"trace_id\":\"%016" PRIx64 "%016" PRIx64 "\",\"span_id\":\"%016" PRIx64 "\",", next(), next(), next());
	printf("\"method\":\"%s\",\"path\":\"%s%u\",\"status\":%d,\"duration_ms\":%u.%03u,"
	       "\"bytes\":%u,\"user_id\":%u,\"sampled\":%s,",
	       methods[below(7)], path, number, statuses[below(18)], duration / 1000, duration % 1000, below(1000000),
	       below(500000), below(10) ? "false" : "true");
	printf("\"message\":\"%s in %u.%03u ms for %s%u\"}\n", messages[below(7)], duration / 1000, duration % 1000,
	       path, number);
}

int main(int argc, char **argv)
{
	uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;

	for (uint64_t i = 0; i < rows; i++)
		row(i);
	return ferror(stdout) || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
