/* What every file here uses: an error with room for its words, and the clock. */
#ifndef MIXNET_BASE_H
#define MIXNET_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define RUNNER_VERSION "0.1.0"

/* Why something failed, in words for a person; valid where a function returned false. */
struct error {
    char text[2048];
};

/* Fill in the error; always false, so that a function can end with `return fail(...)`. */
__attribute__((format(printf, 2, 3))) bool fail(struct error *error, const char *format, ...);

/* Nanoseconds of the monotonic clock. */
static inline int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
