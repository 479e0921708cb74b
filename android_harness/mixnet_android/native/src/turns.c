#include "turns.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "data.h"

/* One turn's measurements; the first of each list is the lead's. */
struct burst {
    int64_t start[MOST_BURST + 1], ns[MOST_BURST + 1], cpu[MOST_BURST + 1], khz[MOST_BURST + 1];
    size_t count;
    int64_t cpu_ns, preempted; /* of the whole process, the lead included */
    int64_t sorted[MOST_BURST];
};

const char *stop_reason(struct stop *stop, bool with_file) {
    if (stop->reason != NULL) return stop->reason;
    if (*stop->signalled != 0) {
        stop->reason = "signal";
    } else if (now_ns() >= stop->deadline_ns) {
        stop->reason = "max-time";
    } else if (with_file && stop->file != NULL && access(stop->file, F_OK) == 0) {
        stop->reason = "stop-file";
    }
    return stop->reason;
}

static int compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* Time that the process's threads had on a core, and how often one was taken from them. */
static void read_usage(int64_t *cpu_ns, int64_t *preempted) {
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    getrusage(RUSAGE_SELF, &usage);
    *cpu_ns = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
              ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
    *preempted = usage.ru_nivcsw;
}

/* The seat's inferences until wanted ones are done or there is a reason to stop. Nothing but the
 * inference lies between two readings of the clock. */
static bool run_burst(struct turns *turns, struct seat *seat, size_t wanted, struct burst *burst,
                      struct stop *stop) {
    const struct runtime *runtime = seat->model->library->runtime;
    bool (*run)(struct model *) = runtime->run;
    for (burst->count = 0; burst->count < wanted; burst->count++) {
        if (burst->count > 0 && stop_reason(stop, false) != NULL) break;
        int64_t start = now_ns();
        bool done = run(seat->model);
        int64_t end = now_ns();
        if (!done) return false;
        burst->start[burst->count] = start - turns->origin_ns;
        burst->ns[burst->count] = end - start;
        burst->cpu[burst->count] = sched_getcpu();
        if (turns->each_frequency) {
            burst->khz[burst->count] =
                frequency_khz(turns->frequencies, (int)burst->cpu[burst->count]);
        }
    }
    return true;
}

/* The lead is no sample, but time it took: alone, a slow model would else run twice as long as it
 * was asked to. Beside others the minimum is one of samples, as the lead's time is theirs too. */
static void count_burst(struct seat *seat, struct burst *burst, bool alone) {
    size_t samples = burst->count - 1;
    for (size_t i = alone ? 0 : 1; i < burst->count; i++) seat->time_ns += burst->ns[i];
    seat->count += (int64_t)samples;
    if (samples == 0) return;
    memcpy(burst->sorted, burst->ns + 1, samples * sizeof *burst->sorted);
    qsort(burst->sorted, samples, sizeof *burst->sorted, compare);
    seat->expected_ns = burst->sorted[samples / 2];
}

static void khz_json(struct turns *turns, const char *key, const int64_t *cpus, size_t count) {
    struct cpus told = {{0}};
    json_enter(turns->json, key, '{');
    for (size_t i = 0; turns->burst_frequency && i < count; i++) {
        int cpu = (int)cpus[i];
        if (cpu < 0 || cpu >= MOST_CPUS || cpus_has(&told, cpu)) continue;
        cpus_add(&told, cpu);
        int64_t khz = frequency_khz(turns->frequencies, cpu);
        char name[16] = "";
        char *digit = name + sizeof name - 1;
        do *--digit = (char)('0' + cpu % 10);
        while ((cpu /= 10) > 0);
        if (khz > 0) json_whole(turns->json, digit, khz);
    }
    json_leave(turns->json, '}');
}

static bool write_burst(struct turns *turns, const struct burst *burst, struct error *error) {
    struct json *json = turns->json;
    khz_json(turns, "khz_after", burst->cpu, burst->count);
    json_wholes(json, "t_ns", burst->start, burst->count);
    json_wholes(json, "ns", burst->ns, burst->count);
    json_wholes(json, "cpu", burst->cpu, burst->count);
    json_whole(json, "cpu_ns", burst->cpu_ns);
    json_whole(json, "preempted", burst->preempted);
    if (turns->each_frequency) json_wholes(json, "khz", burst->khz, burst->count);
    return json_line(json) || fail(error, "the result cannot be written");
}

static bool take_turn(struct turns *turns, int place, int64_t round, int turn,
                      struct burst *burst, struct stop *stop, struct error *error) {
    struct seat *seat = &turns->seats[place];
    int64_t expected = seat->expected_ns > 0 ? seat->expected_ns : 1;
    int64_t wanted = (turns->burst_ns + expected / 2) / expected;
    wanted = wanted < 1 ? 1 : wanted > MOST_BURST ? MOST_BURST : wanted;
    json_begin(turns->json, "burst");
    json_whole(turns->json, "model", place);
    json_whole(turns->json, "round", round);
    json_whole(turns->json, "turn", turn);
    canaries_run(&turns->canaries, turns->json);
    int64_t here = sched_getcpu();
    khz_json(turns, "khz_before", &here, 1);
    int64_t cpu_ns, preempted;
    read_usage(&cpu_ns, &preempted);
    bool done = run_burst(turns, seat, 1 + (size_t)wanted, burst, stop);
    if (!done) seat->model->library->runtime->why(seat->model, error);
    if (burst->count == 0) return false; /* the line that was begun is dropped */
    read_usage(&burst->cpu_ns, &burst->preempted);
    burst->cpu_ns -= cpu_ns;
    burst->preempted -= preempted;
    count_burst(seat, burst, turns->seat_count == 1);
    struct error unwritten;
    if (write_burst(turns, burst, &unwritten)) return done;
    if (done) *error = unwritten;
    return false;
}

static double share(const struct turns *turns) {
    double least = 1;
    for (int i = 0; i < turns->seat_count; i++) {
        const struct seat *seat = &turns->seats[i];
        double count = (double)seat->count / (double)turns->min_count;
        double time = turns->min_time_ns > 0
                          ? (double)seat->time_ns / (double)turns->min_time_ns
                          : 1;
        double done = count < time ? count : time;
        least = done < least ? done : least;
    }
    return least;
}

static void shuffle(int *order, int count, uint64_t *state) {
    for (int i = count - 1; i > 0; i--) {
        int other = (int)(splitmix64(state) % (uint64_t)(i + 1));
        int kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

bool take_turns(struct turns *turns, struct stop *stop, struct error *error) {
    int *order = calloc((size_t)turns->seat_count + 1, sizeof *order);
    struct burst *burst = calloc(1, sizeof *burst);
    bool done = order != NULL && burst != NULL;
    if (!done) fail(error, "no memory");
    for (int i = 0; done && i < turns->seat_count; i++) order[i] = i;
    uint64_t state = turns->seed;
    /* A model that has enough goes on while another has not: were it to stop, the others would no
     * longer be measured beside it. */
    for (int64_t round = 0; done && share(turns) < 1 && stop->reason == NULL; round++) {
        turns->report(turns->report_to, share(turns));
        shuffle(order, turns->seat_count, &state);
        for (int turn = 0; turn < turns->seat_count; turn++) {
            if (!done || stop_reason(stop, true) != NULL) break;
            done = take_turn(turns, order[turn], round, turn, burst, stop, error);
        }
    }
    free(order);
    free(burst);
    return done;
}
