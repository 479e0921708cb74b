/* The whole job: libraries, models, warm-up, turns, outputs, profile; a line for each step. */
#ifndef MIXNET_RUN_H
#define MIXNET_RUN_H

#include "args.h"
#include "turns.h"

enum status { DONE = 0, FAILED = 1, WRONG_USE = 2, ENDED_EARLY = 3, CANNOT_WRITE = 4 };

struct run {
    const struct options *options;
    struct json json;
    struct json progress;
    int64_t progress_ns; /* of the last line */
    struct stop stop;
    struct library libraries[MOST_LIBRARIES];
    struct model models[MOST_MODELS];
    int64_t load_ns[MOST_MODELS];
    struct seat seats[MOST_MODELS];
    struct frequencies frequencies;
    int64_t origin_ns;
    int model; /* at work on this one, or -1 */
    struct error error;
};

/* Write all lines but the last; false with run->error where the job failed. */
bool run_all(struct run *run, int argc, char **argv);
void run_progress(struct run *run, const char *stage, double done);
void run_close(struct run *run);

/* The parts that live in files of their own. */
bool write_outputs(struct run *run);
bool profile_all(struct run *run);
bool fill_inputs(struct run *run, int index, struct model *model);
struct settings settings_of(const struct run *run, int index);
void tensor_json(struct json *json, const struct tensor *tensor);

#endif
