#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "data.h"
#include "watch.h"

static bool line(struct run *run) {
    return json_line(&run->json) || fail(&run->error, "the result cannot be written");
}

void run_progress(struct run *run, const char *stage, double done) {
    int64_t now = now_ns();
    bool early = now - run->progress_ns < 200000000 && done < 1;
    if (run->progress.fd < 0 || (early && run->progress.lines > 0)) return;
    run->progress_ns = now;
    json_begin(&run->progress, "progress");
    json_real(&run->progress, "done", done);
    json_text(&run->progress, "stage", stage);
    json_line(&run->progress); /* a progress that cannot be written harms nothing */
}

static bool write_header(struct run *run, int argc, char **argv) {
    struct json *json = &run->json;
    struct utsname name;
    struct timespec wall;
    if (uname(&name) != 0) return fail(&run->error, "uname failed");
    clock_gettime(CLOCK_REALTIME, &wall);
    json_begin(json, "header");
    json_whole(json, "protocol", 1);
    json_text(json, "runner", RUNNER_VERSION);
    json_text(json, "machine", name.machine);
    json_text(json, "system", name.sysname);
    json_whole(json, "pid", getpid());
    json_whole(json, "page_bytes", (int64_t)getauxval(AT_PAGESZ));
    json_whole(json, "clock_ns", run->origin_ns);
    json_real(json, "unix_s", (double)wall.tv_sec + (double)wall.tv_nsec / 1e9);
    json_enter(json, "arguments", '[');
    for (int i = 1; i < argc; i++) json_text(json, NULL, argv[i]);
    json_leave(json, ']');
    return line(run);
}

/* Before any library starts a thread, so that all threads inherit it. */
static bool pin(struct run *run) {
    struct cpus cpus;
    const struct options *options = run->options;
    if (options->pinned && !affinity_set(&options->cpus)) {
        return fail(&run->error, "cannot pin to the CPUs asked for: %s", strerror(errno));
    }
    json_begin(&run->json, "affinity");
    if (options->pinned) {
        cpus_json(&options->cpus, &run->json, "asked");
    } else {
        json_null(&run->json, "asked");
    }
    bool known = affinity_get(&cpus);
    if (known) {
        cpus_json(&cpus, &run->json, "cpus");
    } else {
        json_null(&run->json, "cpus");
    }
    if (!line(run)) return false;
    /* The kernel drops CPUs that do not exist or that are kept from this process. */
    if (!options->pinned || (known && memcmp(&cpus, &options->cpus, sizeof cpus) == 0)) return true;
    json_begin(&run->json, "warning");
    json_text(&run->json, "message", "the kernel allows other CPUs than were asked for");
    return line(run);
}

static bool open_library(struct run *run, int index) {
    struct library *library = &run->libraries[index];
    const char *path = run->options->libraries[index];
    int64_t start = now_ns();
    watch_loading(run, path);
    bool opened = library_open(library, path, &run->error);
    watch_end();
    if (!opened) return false;
    int64_t end = now_ns();
    struct json *json = &run->json;
    json_begin(json, "library");
    json_whole(json, "library", index);
    json_text(json, "path", path);
    json_text(json, "api", library->runtime->name);
    if (library->version[0] == 0) {
        json_null(json, "version");
    } else {
        json_text(json, "version", library->version);
    }
    json_text(json, "interface", library->interface);
    json_ms(json, "load_ms", end - start);
    return line(run);
}

struct settings settings_of(const struct run *run, int index) {
    const struct model_option *option = &run->options->models[index];
    return (struct settings){.threads = (int)run->options->threads,
                             .fp16 = option->fp16,
                             .weight_cache = option->weight_cache};
}

bool fill_inputs(struct run *run, int index, struct model *model) {
    const struct model_option *option = &run->options->models[index];
    if (option->input_count != 0 && option->input_count != model->counts[INPUT]) {
        return fail(&run->error, "%.200s has %d inputs, but %d files are given", option->path,
                    model->counts[INPUT], option->input_count);
    }
    bool done = true;
    for (int i = 0; done && i < model->counts[INPUT]; i++) {
        const struct tensor *tensor = &model->tensors[INPUT][i];
        void *data = calloc(1, tensor->bytes + 1);
        if (data == NULL) return fail(&run->error, "no memory");
        if (option->input_count != 0) {
            done = read_exactly(option->inputs[i], data, tensor->bytes, &run->error);
        } else if (element_bytes(tensor->dtype) == 0) {
            done = fail(&run->error, "input %.100s is %s: give a file with --input", tensor->name,
                        tensor->dtype);
        } else {
            seeded((uint64_t)run->options->seed, i, tensor->dtype, data, tensor->bytes);
        }
        done = done && model->library->runtime->set_input(model, i, data, &run->error);
        free(data);
    }
    return done;
}

static bool load(struct run *run, int index) {
    const struct model_option *option = &run->options->models[index];
    struct model *model = &run->models[index];
    struct settings settings = settings_of(run, index);
    struct error inner = {""};
    int file = open_regular(option->path, O_RDONLY, &run->error);
    if (file < 0) return false;
    close(file);
    model->library = &run->libraries[option->library];
    int64_t start = now_ns();
    watch_loading(run, option->path);
    bool loaded = model->library->runtime->load(model, option->path, &settings, &inner);
    watch_end();
    if (!loaded) {
        return fail(&run->error, "cannot load %.150s: %.1600s", option->path, inner.text);
    }
    run->load_ns[index] = now_ns() - start;
    run->seats[index].model = model;
    return fill_inputs(run, index, model);
}

void tensor_json(struct json *json, const struct tensor *tensor) {
    json_text(json, "name", tensor->name);
    json_text(json, "dtype", tensor->dtype);
    json_wholes(json, "shape", tensor->shape, (size_t)tensor->rank);
    json_whole(json, "size_bytes", (int64_t)tensor->bytes);
}

static void tensors_json(struct json *json, const char *key, const struct tensor *tensors,
                         int count) {
    json_enter(json, key, '[');
    for (int i = 0; i < count; i++) {
        json_enter(json, NULL, '{');
        tensor_json(json, &tensors[i]);
        json_leave(json, '}');
    }
    json_leave(json, ']');
}

static bool timed(struct run *run, int index, int64_t *ns) {
    struct model *model = &run->models[index];
    int64_t start = now_ns();
    bool done = model->library->runtime->run(model);
    *ns = now_ns() - start;
    if (!done) model->library->runtime->why(model, &run->error);
    return done;
}

static bool run_first(struct run *run, int index) {
    const struct model_option *option = &run->options->models[index];
    struct model *model = &run->models[index];
    struct settings settings = settings_of(run, index);
    struct json *json = &run->json;
    struct stat file;
    int64_t first;
    watch_running(run);
    bool done = timed(run, index, &first);
    watch_end();
    if (!done || !model->library->runtime->know_outputs(model, &run->error)) return false;
    run->seats[index].expected_ns = first;
    json_begin(json, "model");
    json_whole(json, "model", index);
    json_whole(json, "library", option->library);
    json_text(json, "path", option->path);
    json_whole(json, "size_bytes", stat(option->path, &file) == 0 ? (int64_t)file.st_size : 0);
    json_ms(json, "load_ms", run->load_ns[index]);
    json_ms(json, "first_ms", first);
    if (model->delegated != NOT_TOLD) {
        json_whole(json, "wholly_delegated", model->delegated == WHOLLY);
    }
    json_text(json, "input_source", option->input_count > 0 ? "files" : "seed");
    json_enter(json, "settings", '{');
    model->library->runtime->settings_json(&settings, json);
    json_leave(json, '}');
    tensors_json(json, "inputs", model->tensors[INPUT], model->counts[INPUT]);
    tensors_json(json, "outputs", model->tensors[OUTPUT], model->counts[OUTPUT]);
    return line(run);
}

static bool warm_up(struct run *run, int index) {
    int64_t count = run->options->warmup, done = 0;
    int64_t *ns = calloc((size_t)count + 1, sizeof *ns);
    bool good = ns != NULL || fail(&run->error, "no memory");
    watch_running(run);
    while (good && done < count && stop_reason(&run->stop, true) == NULL) {
        good = timed(run, index, &ns[done]);
        done++;
        run_progress(run, "warm-up", 0);
    }
    watch_end();
    if (good) {
        if (done > 0) run->seats[index].expected_ns = ns[done - 1];
        json_begin(&run->json, "warmup");
        json_whole(&run->json, "model", index);
        json_wholes(&run->json, "ns", ns, (size_t)done);
        good = line(run);
    }
    free(ns);
    return good;
}

static bool write_threads(struct run *run, const char *when) {
    json_begin(&run->json, "threads");
    json_text(&run->json, "when", when);
    threads_json(&run->json, "threads");
    return line(run);
}

static bool write_memory(struct run *run, const char *when) {
    json_begin(&run->json, "memory");
    json_text(&run->json, "when", when);
    memory_json(&run->json);
    return line(run);
}

static void report(void *run, double done) {
    run_progress(run, "timing", done);
}

static bool time_all(struct run *run) {
    const struct options *options = run->options;
    struct turns turns = {
        .seats = run->seats,
        .seat_count = options->model_count,
        .min_count = options->min_count,
        .min_time_ns = (int64_t)(options->min_time_s * 1e9),
        .burst_ns = (int64_t)(options->burst_ms * 1e6),
        .origin_ns = run->origin_ns,
        .seed = (uint64_t)options->seed,
        .each_frequency = options->frequency == FREQUENCY_SAMPLE,
        .burst_frequency = options->frequency != FREQUENCY_OFF,
        .frequencies = &run->frequencies,
        .json = &run->json,
        .report = report,
        .report_to = run,
    };
    watch_running(run);
    bool done = take_turns(&turns, &run->stop, &run->error);
    watch_end();
    return done;
}

/* The same step for every model until there is a reason to stop; an error names the one that was
 * being worked on. */
static bool each(struct run *run, bool (*step)(struct run *, int)) {
    for (int i = 0; i < run->options->model_count; i++) {
        if (stop_reason(&run->stop, true) != NULL) break;
        run->model = i;
        if (!step(run, i)) return false;
    }
    run->model = -1;
    return true;
}

static bool prepare(struct run *run, int argc, char **argv) {
    if (!write_header(run, argc, argv) || !pin(run)) return false;
    run_progress(run, "loading", 0);
    for (int i = 0; i < run->options->library_count; i++) {
        if (stop_reason(&run->stop, true) != NULL) break;
        if (!open_library(run, i)) return false;
    }
    return true;
}

bool run_all(struct run *run, int argc, char **argv) {
    run->model = -1;
    if (!prepare(run, argc, argv)) return false;
    if (run->options->check || run->options->model_count == 0) return true;
    if (!each(run, load) || !each(run, run_first)) return false;
    if (run->stop.reason != NULL) return true; /* there may be a model that has no outputs */
    return write_memory(run, "loaded") && each(run, warm_up) && write_threads(run, "warmup") &&
           time_all(run) && write_threads(run, "end") && write_memory(run, "end") &&
           write_outputs(run) && profile_all(run);
}

void run_close(struct run *run) {
    for (int i = 0; i < MOST_MODELS; i++) {
        const struct library *library = run->models[i].library;
        if (library != NULL) library->runtime->unload(&run->models[i]);
    }
    for (int i = 0; i < MOST_LIBRARIES; i++) library_close(&run->libraries[i]);
    frequencies_close(&run->frequencies);
    json_free(&run->json);
    json_free(&run->progress);
}
