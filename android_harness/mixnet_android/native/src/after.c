/* What follows the timing: the outputs to files, and profiles by models loaded once more, so that
 * no profiler slows down what is timed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "watch.h"

enum { PROFILE_WARMUP = 3 };

static bool line(struct run *run) {
    return json_line(&run->json) || fail(&run->error, "the result cannot be written");
}

static bool write_output(struct run *run, int model_index, int index) {
    struct model *model = &run->models[model_index];
    const struct tensor *tensor = &model->tensors[OUTPUT][index];
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/model%d-output%d.bin", run->options->outputs,
                          model_index, index);
    if (length < 0 || (size_t)length >= sizeof path) {
        return fail(&run->error, "the name of --outputs is too long");
    }
    void *data = calloc(1, tensor->bytes + 1);
    if (data == NULL) return fail(&run->error, "no memory");
    bool done = model->library->runtime->get_output(model, index, data, &run->error) &&
                write_file(path, data, tensor->bytes, &run->error);
    free(data);
    if (!done) return false;
    json_begin(&run->json, "output");
    json_whole(&run->json, "model", model_index);
    json_whole(&run->json, "index", index);
    json_text(&run->json, "path", path);
    tensor_json(&run->json, tensor);
    return line(run);
}

bool write_outputs(struct run *run) {
    if (run->options->outputs == NULL) return true;
    for (int i = 0; i < run->options->model_count; i++) {
        run->model = i;
        for (int index = 0; index < run->models[i].counts[OUTPUT]; index++) {
            if (!write_output(run, i, index)) return false;
        }
    }
    run->model = -1;
    return true;
}

static bool infer(struct run *run, struct model *model, int64_t *ns) {
    int64_t start = now_ns();
    bool done = model->library->runtime->run(model);
    *ns = now_ns() - start;
    if (!done) model->library->runtime->why(model, &run->error);
    return done;
}

static bool profile_rounds(struct run *run, int index, struct model *model) {
    const struct runtime *runtime = model->library->runtime;
    for (int64_t round = 0; round < run->options->profile; round++) {
        int64_t ns;
        if (stop_reason(&run->stop, true) != NULL) return true;
        if (!runtime->start_profile(model, &run->error) || !infer(run, model, &ns)) return false;
        json_begin(&run->json, "profile");
        json_whole(&run->json, "model", index);
        json_whole(&run->json, "round", round);
        json_whole(&run->json, "wall_ns", ns);
        if (!runtime->events_json(model, &run->json, &run->error) || !line(run)) return false;
    }
    return true;
}

static bool profile_file(struct run *run, int index, struct model *model) {
    char path[4096];
    int64_t rounds = run->options->profile, done = 0;
    int64_t *ns = calloc((size_t)rounds + 1, sizeof *ns);
    bool good = ns != NULL || fail(&run->error, "no memory");
    while (good && done < rounds && stop_reason(&run->stop, true) == NULL) {
        good = infer(run, model, &ns[done]);
        done++;
    }
    good = good &&
           model->library->runtime->finish_profile(model, path, sizeof path, &run->error);
    if (good) {
        json_begin(&run->json, "profile_file");
        json_whole(&run->json, "model", index);
        json_text(&run->json, "path", path);
        json_wholes(&run->json, "wall_ns", ns, (size_t)done);
        good = line(run);
    }
    free(ns);
    return good;
}

static bool profile_loaded(struct run *run, int index, struct model *model) {
    const struct runtime *runtime = model->library->runtime;
    if (!fill_inputs(run, index, model)) return false;
    for (int i = 0; i < PROFILE_WARMUP && stop_reason(&run->stop, true) == NULL; i++) {
        int64_t ns;
        if (!infer(run, model, &ns)) return false;
    }
    return runtime->start_profile != NULL ? profile_rounds(run, index, model)
                                          : profile_file(run, index, model);
}

static bool profile_one(struct run *run, int index) {
    const struct library *library = run->models[index].library;
    const struct runtime *runtime = library->runtime;
    char prefix[4096];
    if (runtime->start_profile == NULL && runtime->finish_profile == NULL) {
        return fail(&run->error, "%s has no profiler that can be reached", runtime->name);
    }
    const char *beside = run->options->output == NULL ? "mixnet-runner" : run->options->output;
    int length = snprintf(prefix, sizeof prefix, "%s.profile%d", beside, index);
    if (length < 0 || (size_t)length >= sizeof prefix) {
        return fail(&run->error, "the name of --output is too long");
    }
    struct settings settings = settings_of(run, index);
    settings.profile = prefix;
    settings.weight_cache = NULL; /* the timed model has it open */
    struct model *model = calloc(1, sizeof *model);
    if (model == NULL) return fail(&run->error, "no memory");
    model->library = library;
    bool done =
        runtime->load(model, run->options->models[index].path, &settings, &run->error) &&
        profile_loaded(run, index, model);
    runtime->unload(model);
    free(model);
    return done;
}

bool profile_all(struct run *run) {
    if (run->options->profile == 0) return true;
    for (int i = 0; i < run->options->model_count && run->stop.reason == NULL; i++) {
        run->model = i;
        run_progress(run, "profiling", 0);
        watch_running(run);
        bool done = profile_one(run, i);
        watch_end();
        if (!done) return false;
    }
    run->model = -1;
    return true;
}
