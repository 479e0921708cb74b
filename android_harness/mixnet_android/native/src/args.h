/* The command line as a record. Every value is checked here; nothing is opened. */
#ifndef MIXNET_ARGS_H
#define MIXNET_ARGS_H

#include "base.h"
#include "cpu.h"

enum { MOST_LIBRARIES = 16, MOST_MODELS = 16, MOST_INPUTS = 16 };

enum frequency { FREQUENCY_BURST, FREQUENCY_SAMPLE, FREQUENCY_OFF };

struct model_option {
    const char *path;
    int library;
    const char *inputs[MOST_INPUTS];
    int input_count;
    const char *weight_cache;
    bool fp16;
};

struct options {
    const char *libraries[MOST_LIBRARIES];
    struct model_option models[MOST_MODELS];
    int library_count, model_count;
    int64_t seed, threads, warmup, min_count, profile;
    double min_time_s, burst_ms, max_time_s;
    bool pinned;
    struct cpus cpus;
    enum frequency frequency;
    const char *outputs, *output, *progress, *stop_file, *sysfs;
    bool check, version, help;
};

/* False with an error where the command line is wrong. The record points into argv. */
bool parse_args(struct options *options, int argc, char **argv, struct error *error);

extern const char USAGE[];

#endif
