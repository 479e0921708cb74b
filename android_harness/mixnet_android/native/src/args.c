#include "args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char USAGE[] =
    "usage: mixnet-runner --library FILE --model FILE [--input FILE]... [-o FILE]\n"
    "  --library FILE     libLiteRt.so, a TensorFlow Lite C library or libonnxruntime.so;\n"
    "                     of the models that follow; up to 16\n"
    "  --model FILE       a .tflite or .onnx file, for the --library before it; up to 16\n"
    "  --input FILE       raw bytes of the next input of the --model before it\n"
    "  --fp16             compute the --model before it in float16 (XNNPACK, float32 files)\n"
    "  --weight-cache FILE  keep XNNPACK's packed weights of that model there (LiteRT)\n"
    "  --seed N           of inputs without a file and of the order of turns [0]\n"
    "  --threads N        [1]\n"
    "  --cpus LIST        pin to these, like 4-7 or 0,2\n"
    "  --warmup N         inferences kept apart after the first [10]\n"
    "  --min-count N      timed inferences a model, at least [100]\n"
    "  --min-time S       seconds of them a model, at least [1]\n"
    "  --burst-ms MS      length of a turn [100]\n"
    "  --frequency WHEN   burst, sample or off [burst]\n"
    "  --profile N        profiled inferences a model, after the timing [0]\n"
    "  --outputs DIR      write the outputs there\n"
    "  -o, --output FILE  the result [stdout]\n"
    "  --progress FILE    append progress lines there, - is stderr\n"
    "  --stop-file FILE   end tidily once it exists\n"
    "  --max-time S       end tidily after so long [3600]\n"
    "  --sysfs DIR        where cpufreq is looked for [/sys]\n"
    "  --check            open the libraries, say what they are, and end\n"
    "  --version, --help\n"
    "exit status: 0 done, 1 failed, 2 wrong use, 3 ended early, 4 cannot write the result\n";

/* Options with one value that needs only to be stored. */
enum kind { TEXT, WHOLE, REAL };

static const struct plain {
    const char *name;
    enum kind kind;
    size_t at;
    double least, most;
} PLAIN[] = {
    {"--seed", WHOLE, offsetof(struct options, seed), 0, 4294967295.0},
    {"--threads", WHOLE, offsetof(struct options, threads), 1, 64},
    {"--warmup", WHOLE, offsetof(struct options, warmup), 0, 1e6},
    {"--min-count", WHOLE, offsetof(struct options, min_count), 1, 1e9},
    {"--min-time", REAL, offsetof(struct options, min_time_s), 0, 1e6},
    {"--burst-ms", REAL, offsetof(struct options, burst_ms), 0.001, 1e6},
    {"--profile", WHOLE, offsetof(struct options, profile), 0, 1e4},
    {"--max-time", REAL, offsetof(struct options, max_time_s), 0.001, 1e6},
    {"--outputs", TEXT, offsetof(struct options, outputs), 0, 0},
    {"--output", TEXT, offsetof(struct options, output), 0, 0},
    {"-o", TEXT, offsetof(struct options, output), 0, 0},
    {"--progress", TEXT, offsetof(struct options, progress), 0, 0},
    {"--stop-file", TEXT, offsetof(struct options, stop_file), 0, 0},
    {"--sysfs", TEXT, offsetof(struct options, sysfs), 0, 0},
};

static bool set_plain(struct options *options, const struct plain *plain, const char *value,
                      struct error *error) {
    char *field = (char *)options + plain->at;
    if (plain->kind == TEXT) {
        if (*value == 0) return fail(error, "%s needs a name", plain->name);
        memcpy(field, &value, sizeof value);
        return true;
    }
    char *end = NULL;
    errno = 0;
    int64_t whole = plain->kind == WHOLE ? strtoll(value, &end, 10) : 0;
    double real = plain->kind == REAL ? strtod(value, &end) : (double)whole;
    if (end == value || *end != 0 || errno != 0 || !(real >= plain->least && real <= plain->most)) {
        return fail(error, "%s needs a %s from %g to %g, not '%.60s'", plain->name,
                    plain->kind == WHOLE ? "whole number" : "number", plain->least, plain->most,
                    value);
    }
    if (plain->kind == WHOLE) {
        memcpy(field, &whole, sizeof whole);
    } else {
        memcpy(field, &real, sizeof real);
    }
    return true;
}

static bool add_library(struct options *options, const char *value, struct error *error) {
    if (options->library_count == MOST_LIBRARIES) {
        return fail(error, "more than %d libraries", MOST_LIBRARIES);
    }
    options->libraries[options->library_count++] = value;
    return true;
}

static bool add_model(struct options *options, const char *value, struct error *error) {
    if (options->library_count == 0) {
        return fail(error, "--model %.200s has no --library before it", value);
    }
    if (options->model_count == MOST_MODELS) return fail(error, "more than %d models", MOST_MODELS);
    struct model_option *model = &options->models[options->model_count++];
    model->path = value;
    model->library = options->library_count - 1;
    return true;
}

static bool add_input(struct options *options, const char *value, struct error *error) {
    if (options->model_count == 0) {
        return fail(error, "--input %.200s has no --model before it", value);
    }
    struct model_option *model = &options->models[options->model_count - 1];
    if (model->input_count == MOST_INPUTS) return fail(error, "more than %d inputs", MOST_INPUTS);
    model->inputs[model->input_count++] = value;
    return true;
}

static bool set_weight_cache(struct options *options, const char *value, struct error *error) {
    if (options->model_count == 0) {
        return fail(error, "--weight-cache %.200s has no --model before it", value);
    }
    options->models[options->model_count - 1].weight_cache = value;
    return true;
}

static bool set_cpus(struct options *options, const char *value, struct error *error) {
    options->pinned = true;
    if (cpus_parse(&options->cpus, value)) return true;
    return fail(error, "--cpus needs a list like 4-7 or 0,2, not '%.60s'", value);
}

static bool set_frequency(struct options *options, const char *value, struct error *error) {
    static const char *const names[] = {"burst", "sample", "off"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            options->frequency = (enum frequency)i;
            return true;
        }
    }
    return fail(error, "--frequency is burst, sample or off, not '%.60s'", value);
}

static const struct special {
    const char *name;
    bool (*set)(struct options *, const char *, struct error *);
} SPECIAL[] = {
    {"--library", add_library},
    {"--model", add_model},
    {"--input", add_input},
    {"--weight-cache", set_weight_cache},
    {"--cpus", set_cpus},
    {"--frequency", set_frequency},
};

static bool set_option(struct options *options, const char *name, const char *value,
                       struct error *error) {
    for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++) {
        if (strcmp(name, PLAIN[i].name) != 0) continue;
        if (value == NULL) return fail(error, "%s needs a value", name);
        return set_plain(options, &PLAIN[i], value, error);
    }
    for (size_t i = 0; i < sizeof SPECIAL / sizeof *SPECIAL; i++) {
        if (strcmp(name, SPECIAL[i].name) != 0) continue;
        if (value == NULL || *value == 0) return fail(error, "%s needs a value", name);
        return SPECIAL[i].set(options, value, error);
    }
    return fail(error, "no option '%.60s'; see --help", name);
}

static bool set_flag(struct options *options, const char *name) {
    if (strcmp(name, "--check") == 0) return options->check = true;
    if (strcmp(name, "--version") == 0) return options->version = true;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return options->help = true;
    return false;
}

/* --fp16 is of the model before it. */
static bool set_fp16(struct options *options, struct error *error) {
    if (options->model_count == 0) return fail(error, "--fp16 has no --model before it");
    options->models[options->model_count - 1].fp16 = true;
    return true;
}

static bool is_complete(const struct options *options, struct error *error) {
    if (options->version || options->help) return true;
    if (options->library_count == 0) return fail(error, "no --library; see --help");
    if (options->model_count == 0 && !options->check) return fail(error, "no --model; see --help");
    return true;
}

bool parse_args(struct options *options, int argc, char **argv, struct error *error) {
    *options = (struct options){.threads = 1,
                                .warmup = 10,
                                .min_count = 100,
                                .min_time_s = 1,
                                .burst_ms = 100,
                                .max_time_s = 3600,
                                .sysfs = "/sys"};
    for (int i = 1; i < argc; i++) {
        if (set_flag(options, argv[i])) continue;
        if (strcmp(argv[i], "--fp16") == 0) {
            if (!set_fp16(options, error)) return false;
            continue;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!set_option(options, argv[i], value, error)) return false;
        i++;
    }
    return is_complete(options, error);
}
