#include "litert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPU = 1, READ = 0, WRITE = 1 };

#define NAME(name, arguments) "LiteRt" #name,
static const char *const NEEDED_NAMES[] = {LITERT_FUNCTIONS(NAME) NULL};
static const char *const DESTROYER_NAMES[] = {LITERT_DESTROYERS(NAME) NULL};
#undef NAME

static bool check(const char *what, int status, struct error *error) {
    return status == 0 || fail(error, "LiteRt%s failed with status %d", what, status);
}
#define DO(api, name, ...) check(#name, LITERT_CALL(api, name)(__VA_ARGS__), error)

static bool litert_open(struct library *library, struct error *error) {
    struct litert *api = calloc(1, sizeof *api);
    if (api == NULL) return fail(error, "no memory");
    library->api = api;
    if (!find_functions(library, NEEDED_NAMES, api->functions, "LiteRT 2.1.5 or later", error) ||
        !find_functions(library, DESTROYER_NAMES, api->functions + NEEDED,
                        "LiteRT 2.1.5 or later", error)) {
        return false;
    }
    api->create_model = find_function(library, "LiteRtCreateModelFromFile");
    if (api->create_model == NULL) return fail(error, "it exports no LiteRtCreateModelFromFile");
    /* Exported since 2.1.6, when LiteRtCreateModelFromFile got its environment argument. */
    api->takes_environment = find_function(library, "LiteRtCreateModelFromFd") != NULL;
    api->is_accelerated = find_function(library, "LiteRtCompiledModelIsFullyAccelerated");
    library->interface = api->takes_environment ? "2.1.6" : "2.1.5";
    return DO(api, CreateEnvironment, 0, NULL, &api->environment);
}

static void litert_close(struct library *library) {
    struct litert *api = library->api;
    if (api == NULL) return;
    if (api->environment != NULL) LITERT_CALL(api, DestroyEnvironment)(api->environment);
    free(api);
    library->api = NULL;
}

static int create_model(struct litert *api, const char *path, Handle *model) {
    if (api->takes_environment) {
        return ((int (*)(Handle, const char *, Handle *))api->create_model)(api->environment, path,
                                                                           model);
    }
    return ((int (*)(const char *, Handle *))api->create_model)(path, model);
}

/* The library would free the texts of options with this; they are the model's. */
static void keep(void *text) {
    (void)text;
}

static bool add_option(struct litert_model *state, const char *name, char *text,
                       struct error *error) {
    Handle entry;
    return DO(state->api, CreateOpaqueOptions, name, text, keep, &entry) &&
           DO(state->api, AddOpaqueOptions, state->options, entry);
}

/* XNNPACK's options, as TOML. Flags that are given replace the defaults. */
static bool write_xnnpack(struct litert_model *state, const struct settings *settings,
                          struct error *error) {
    char *text = state->xnnpack_text;
    size_t room = sizeof state->xnnpack_text;
    int length = snprintf(text, room, "num_threads = %d\n%s", settings->threads,
                          settings->fp16 ? "flags = 15\n" : "");
    if (settings->weight_cache == NULL) return true;
    if (strpbrk(settings->weight_cache, "'\n\r") != NULL) {
        return fail(error, "the name of --weight-cache has a quote or a line break");
    }
    length += snprintf(text + length, room - (size_t)length, "weight_cache_file_path = '%s'\n",
                       settings->weight_cache);
    return (size_t)length < room || fail(error, "the name of --weight-cache is too long");
}

static bool make_options(struct litert_model *state, const struct settings *settings,
                         struct error *error) {
    if (!write_xnnpack(state, settings, error)) return false;
    snprintf(state->profile_text, sizeof state->profile_text, "enable_profiling = true\n");
    if (!DO(state->api, CreateOptions, &state->options) ||
        !DO(state->api, SetOptionsHardwareAccelerators, state->options, CPU) ||
        !add_option(state, "xnnpack", state->xnnpack_text, error)) {
        return false;
    }
    return settings->profile == NULL ||
           add_option(state, "runtime_options_string", state->profile_text, error);
}

static bool make_type(struct litert_model *state, Handle handle, struct litert_type *type,
                      struct tensor *tensor, struct error *error) {
    memset(type, 0, sizeof *type);
    if (!DO(state->api, GetRankedTensorType, handle, type)) return false;
    tensor->dtype = tflite_dtype(type->element);
    tensor->rank = (int)(type->rank_and_strides & 0x7f);
    if (tensor->rank > MOST_RANK) return fail(error, "a tensor has %d axes", tensor->rank);
    for (int axis = 0; axis < tensor->rank; axis++) {
        /* Sizes that the file leaves open are compiled as 1. */
        if (type->sizes[axis] < 0) type->sizes[axis] = 1;
        tensor->shape[axis] = type->sizes[axis];
    }
    return true;
}

static bool find_tensor(struct litert_model *state, Handle signature, enum side side, size_t index,
                        Handle *handle, const char **name, struct error *error) {
    if (side == INPUT) {
        return DO(state->api, GetSignatureInputTensorByIndex, signature, index, handle) &&
               DO(state->api, GetSignatureInputName, signature, index, name);
    }
    return DO(state->api, GetSignatureOutputTensorByIndex, signature, index, handle) &&
           DO(state->api, GetSignatureOutputName, signature, index, name);
}

static bool make_buffer(struct litert_model *state, Handle signature, enum side side, size_t index,
                        struct tensor *tensor, struct error *error) {
    Handle handle, needs;
    const char *name = NULL;
    struct litert_type type;
    Handle *buffer = &state->buffers[side][index];
    if (!find_tensor(state, signature, side, index, &handle, &name, error)) return false;
    tensor_name(tensor, name);
    if (!make_type(state, handle, &type, tensor, error)) return false;
    bool found = side == INPUT
                     ? DO(state->api, GetCompiledModelInputBufferRequirements, state->compiled, 0,
                          index, &needs)
                     : DO(state->api, GetCompiledModelOutputBufferRequirements, state->compiled, 0,
                          index, &needs);
    return found &&
           DO(state->api, CreateManagedTensorBufferFromRequirements, state->api->environment, &type,
              needs, buffer) &&
           DO(state->api, GetTensorBufferPackedSize, *buffer, &tensor->bytes);
}

static bool make_buffers(struct model *model, enum side side, struct error *error) {
    struct litert_model *state = model->state;
    Handle signature;
    size_t count = 0;
    if (!DO(state->api, GetModelSignature, state->model, 0, &signature)) return false;
    bool counted = side == INPUT ? DO(state->api, GetNumSignatureInputs, signature, &count)
                                 : DO(state->api, GetNumSignatureOutputs, signature, &count);
    if (!counted) return false;
    if (count > MOST_TENSORS) return fail(error, "it has %zu inputs or outputs", count);
    for (size_t i = 0; i < count; i++) {
        if (!make_buffer(state, signature, side, i, &model->tensors[side][i], error)) return false;
        model->counts[side]++;
    }
    return true;
}

/* Whether XNNPACK took all of the network. */
static enum delegated ask_delegated(const struct litert_model *state) {
    if (state->api->is_accelerated == NULL) return NOT_TOLD;
    bool wholly = false;
    int status = ((int (*)(Handle, bool *))state->api->is_accelerated)(state->compiled, &wholly);
    return status != 0 ? NOT_TOLD : wholly ? WHOLLY : NOT_WHOLLY;
}

static bool litert_load(struct model *model, const char *path, const struct settings *settings,
                        struct error *error) {
    struct litert_model *state = model->state = calloc(1, sizeof *state);
    if (state == NULL) return fail(error, "no memory");
    state->api = model->library->api;
    if (!check("CreateModelFromFile", create_model(state->api, path, &state->model), error) ||
        !make_options(state, settings, error) ||
        !DO(state->api, CreateCompiledModel, state->api->environment, state->model, state->options,
            &state->compiled)) {
        return false;
    }
    model->delegated = ask_delegated(state);
    if (settings->profile != NULL) {
        if (!DO(state->api, CompiledModelGetProfiler, state->compiled, &state->profiler)) return false;
        if (state->profiler == NULL) return fail(error, "LiteRT gives no profiler");
    }
    return make_buffers(model, INPUT, error) && make_buffers(model, OUTPUT, error);
}

static void litert_unload(struct model *model) {
    struct litert_model *state = model->state;
    if (state == NULL) return;
    struct litert *api = state->api;
    for (int side = INPUT; side <= OUTPUT; side++) {
        for (int i = 0; i < MOST_TENSORS; i++) {
            Handle buffer = state->buffers[side][i];
            if (buffer != NULL) LITERT_CALL(api, DestroyTensorBuffer)(buffer);
        }
    }
    if (state->compiled != NULL) LITERT_CALL(api, DestroyCompiledModel)(state->compiled);
    if (state->options != NULL) LITERT_CALL(api, DestroyOptions)(state->options);
    if (state->model != NULL) LITERT_CALL(api, DestroyModel)(state->model);
    free(state);
    model->state = NULL;
}

static bool copy(struct model *model, enum side side, int index, void *to, const void *from,
                 struct error *error) {
    struct litert_model *state = model->state;
    Handle buffer = state->buffers[side][index];
    size_t bytes = model->tensors[side][index].bytes;
    void *host = NULL;
    if (!DO(state->api, LockTensorBuffer, buffer, &host, side == INPUT ? WRITE : READ)) return false;
    if (host == NULL && bytes > 0) return fail(error, "LiteRtLockTensorBuffer gives no memory");
    if (bytes > 0) memcpy(to == NULL ? host : to, from == NULL ? host : from, bytes);
    return DO(state->api, UnlockTensorBuffer, buffer);
}

static bool litert_set_input(struct model *model, int index, const void *data,
                             struct error *error) {
    return copy(model, INPUT, index, NULL, data, error);
}

static bool litert_get_output(struct model *model, int index, void *data, struct error *error) {
    return copy(model, OUTPUT, index, data, NULL, error);
}

static bool litert_run(struct model *model) {
    struct litert_model *state = model->state;
    state->status = LITERT_CALL(state->api, RunCompiledModel)(
        state->compiled, 0, (size_t)model->counts[INPUT], state->buffers[INPUT],
        (size_t)model->counts[OUTPUT], state->buffers[OUTPUT]);
    return state->status == 0;
}

static void litert_why(struct model *model, struct error *error) {
    const struct litert_model *state = model->state;
    check("RunCompiledModel", state->status, error);
}

static bool litert_know_outputs(struct model *model, struct error *error) {
    (void)model, (void)error; /* they are known since it was compiled */
    return true;
}

static void litert_settings(const struct settings *settings, struct json *json) {
    json_whole(json, "threads", settings->threads);
    json_text(json, "accelerator", "cpu");
    if (settings->fp16) json_whole(json, "fp16", 1);
    if (settings->weight_cache != NULL) json_text(json, "weight_cache", settings->weight_cache);
}

const struct runtime LITERT = {
    .name = "litert",
    .mark = "LiteRtCreateEnvironment",
    .open = litert_open,
    .close = litert_close,
    .load = litert_load,
    .unload = litert_unload,
    .set_input = litert_set_input,
    .run = litert_run,
    .why = litert_why,
    .know_outputs = litert_know_outputs,
    .get_output = litert_get_output,
    .settings_json = litert_settings,
    .start_profile = litert_start_profile,
    .events_json = litert_events_json,
};
