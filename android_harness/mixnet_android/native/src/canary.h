/* A small fixed computation that is timed between bursts. Where it takes longer, the core was slower
 * or taken away: that needs no sensor, no cpufreq and no permission. */
#ifndef MIXNET_CANARY_H
#define MIXNET_CANARY_H

#include "json.h"

/* One for each so many milliseconds since the last ones, so that canaries take a few percent of the
 * time whatever the length of bursts; at most so many between two bursts. */
enum { CANARY_EVERY_MS = 25, MOST_CANARIES = 40 };

struct canaries {
    int64_t ns[MOST_CANARIES];     /* on the clock on the wall */
    int64_t cpu_ns[MOST_CANARIES]; /* that the thread had on a core meanwhile */
    size_t count;
    int64_t end_ns; /* when the last one ended; 0 before the first */
};

/* Run as many as are due, on this thread, and write them into the line that was begun. */
void canaries_run(struct canaries *canaries, struct json *json);

#endif
