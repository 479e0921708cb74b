#include "canary.h"

#include <sched.h>

enum { STEPS = 750000 };

static int64_t thread_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* About three million cycles, in registers alone. Every step needs the one before it, so that no
 * compiler or core does two at once. */
static uint64_t chain(uint64_t value) {
    for (int i = 0; i < STEPS; i++) value = value * 6364136223846793005u + 1442695040888963407u;
    return value;
}

static void run_one(struct canaries *canaries) {
    static volatile uint64_t kept; /* or nothing would need the chain */
    size_t at = canaries->count++;
    int64_t cpu = thread_ns(), start = now_ns();
    kept = chain(kept);
    canaries->end_ns = now_ns();
    canaries->ns[at] = canaries->end_ns - start;
    canaries->cpu_ns[at] = thread_ns() - cpu;
}

void canaries_run(struct canaries *canaries, struct json *json) {
    int64_t due = (now_ns() - canaries->end_ns) / 1000000 / CANARY_EVERY_MS;
    if (canaries->end_ns == 0) due = 1;
    canaries->count = 0;
    if (due == 0) return;
    json_whole(json, "canary_cpu", sched_getcpu());
    while (canaries->count < MOST_CANARIES && (int64_t)canaries->count < due) run_one(canaries);
    json_wholes(json, "canary_ns", canaries->ns, canaries->count);
    json_wholes(json, "canary_cpu_ns", canaries->cpu_ns, canaries->count);
}
