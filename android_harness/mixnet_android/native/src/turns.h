/* Times models in turns: bursts of each, in an order shuffled every round, so that whatever slows
 * the machine down for a while slows all of them alike. Judges nothing and drops nothing. */
#ifndef MIXNET_TURNS_H
#define MIXNET_TURNS_H

#include "canary.h"
#include "cpu.h"
#include "runtime.h"

enum { MOST_BURST = 4096 }; /* inferences in one turn, the lead apart */

/* Why to end early; NULL while there is no reason. */
struct stop {
    const volatile int *signalled;
    const char *file;
    int64_t deadline_ns;
    const char *reason;
};

/* Asks the clock and the signal; with_file, the disk too. */
const char *stop_reason(struct stop *stop, bool with_file);

struct seat {
    struct model *model;
    int64_t count, time_ns, expected_ns;
};

struct turns {
    struct seat *seats;
    int seat_count;
    int64_t min_count, min_time_ns, burst_ns, origin_ns;
    struct canaries canaries;
    uint64_t seed;
    bool each_frequency, burst_frequency;
    struct frequencies *frequencies;
    struct json *json;
    void (*report)(void *of, double done);
    void *report_to;
};

/* Time until every seat has its count and its time, or there is a reason to stop; one line a
 * burst. False with an error where an inference fails or a line cannot be written. */
bool take_turns(struct turns *turns, struct stop *stop, struct error *error);

#endif
