/* ONNX Runtime, by the table of functions in ort.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ort.h"

struct ort {
    const function *table;
    Handle environment, allocator;
};

struct ort_model {
    struct ort *api;
    Handle options, session;
    char *names[2][MOST_TENSORS];
    Handle values[2][MOST_TENSORS];
    Status status; /* of the last run */
};

#define CALL(api, name) ((name##_call)(api)->table[AT_##name])
#define DO(api, name, ...) succeeded(api, #name, CALL(api, name)(__VA_ARGS__), error)

static bool succeeded(struct ort *api, const char *what, Status status, struct error *error) {
    if (status == NULL) return true;
    const char *message = CALL(api, GetErrorMessage)(status);
    fail(error, "%s: %.1500s", what, message == NULL ? "" : message);
    CALL(api, ReleaseStatus)(status);
    return false;
}

static const char *dtype_name(int type) {
    static const char *const names[] = {
        [1] = "float32", [2] = "uint8",    [3] = "int8",     [4] = "uint16",  [5] = "int16",
        [6] = "int32",   [7] = "int64",    [9] = "bool",     [10] = "float16", [11] = "float64",
        [12] = "uint32", [13] = "uint64",
        /* numpy has none of these: their bits come from files */
        [16] = "bfloat16", [17] = "float8e4m3fn", [18] = "float8e4m3fnuz", [19] = "float8e5m2",
        [20] = "float8e5m2fnuz",
    };
    const int count = sizeof names / sizeof *names;
    return type < 0 || type >= count || names[type] == NULL ? "unknown" : names[type];
}

static size_t dtype_bytes(const char *dtype) {
    const char *digits = strpbrk(dtype, "0123456789");
    if (digits == NULL) return strcmp(dtype, "bool") == 0 ? 1 : 0;
    return (size_t)strtol(digits, NULL, 10) / 8;
}

static bool ort_open(struct library *library, struct error *error) {
    struct ort *api = calloc(1, sizeof *api);
    if (api == NULL) return fail(error, "no memory");
    library->api = api;
    const struct api_base *(*get_base)(void) =
        (const struct api_base *(*)(void))find_function(library, "OrtGetApiBase");
    const struct api_base *base = get_base == NULL ? NULL : get_base();
    if (base == NULL) return fail(error, "OrtGetApiBase gives nothing");
    const char *version = base->get_version();
    snprintf(library->version, sizeof library->version, "%s", version == NULL ? "" : version);
    api->table = base->get_api(API_VERSION);
    if (api->table == NULL) {
        return fail(error, "ONNX Runtime %.30s is older than 1.%d", library->version, API_VERSION);
    }
    library->interface = "ort-11";
    return DO(api, CreateEnv, LOG_ERRORS, "mixnet-runner", &api->environment) &&
           DO(api, GetAllocatorWithDefaultOptions, &api->allocator);
}

static void ort_close(struct library *library) {
    struct ort *api = library->api;
    if (api == NULL) return;
    if (api->environment != NULL) CALL(api, ReleaseEnv)(api->environment);
    free(api);
    library->api = NULL;
}

/* Times by node, and the graph that the nodes are of: fused and renamed, not the file's. */
static bool record(struct ort *api, Handle options, const char *prefix, struct error *error) {
    char graph[4096 + 8];
    snprintf(graph, sizeof graph, "%s.onnx", prefix);
    return DO(api, EnableProfiling, options, prefix) &&
           DO(api, SetOptimizedModelFilePath, options, graph);
}

static bool make_options(struct ort_model *state, const struct settings *settings,
                         struct error *error) {
    struct ort *api = state->api;
    if (!DO(api, CreateSessionOptions, &state->options)) return false;
    Handle options = state->options;
    /* Threads that spin would slow down the models whose turn it is. */
    bool set = DO(api, SetIntraOpNumThreads, options, settings->threads) &&
               DO(api, SetInterOpNumThreads, options, 1) &&
               DO(api, SetSessionExecutionMode, options, SEQUENTIAL) &&
               DO(api, SetSessionGraphOptimizationLevel, options, ALL_OPTIMIZATIONS) &&
               DO(api, SetSessionLogSeverityLevel, options, LOG_ERRORS) &&
               DO(api, AddSessionConfigEntry, options, "session.intra_op.allow_spinning", "0") &&
               DO(api, AddSessionConfigEntry, options, "session.inter_op.allow_spinning", "0");
    return set && (settings->profile == NULL || record(api, options, settings->profile, error));
}

static bool know(struct ort *api, struct tensor *tensor, Handle info, int *type,
                 struct error *error) {
    size_t rank = 0;
    if (!DO(api, GetTensorElementType, info, type) || !DO(api, GetDimensionsCount, info, &rank)) {
        return false;
    }
    if (rank > MOST_RANK) return fail(error, "%s has %zu axes", tensor->name, rank);
    tensor->dtype = dtype_name(*type);
    tensor->rank = (int)rank;
    if (!DO(api, GetDimensions, info, tensor->shape, rank)) return false;
    tensor->bytes = dtype_bytes(tensor->dtype);
    if (tensor->bytes == 0) return fail(error, "%s has element type %d", tensor->name, *type);
    for (int axis = 0; axis < tensor->rank; axis++) {
        /* An open batch counts as 1; another open size cannot be guessed. */
        if (tensor->shape[axis] < 0 && axis == 0) tensor->shape[axis] = 1;
        if (tensor->shape[axis] < 0) return fail(error, "%s: axis %d is open", tensor->name, axis);
        if (__builtin_mul_overflow(tensor->bytes, (size_t)tensor->shape[axis], &tensor->bytes)) {
            return fail(error, "%s is too large", tensor->name);
        }
    }
    return true;
}

static bool make_input(struct model *model, size_t index, struct error *error) {
    struct ort_model *state = model->state;
    struct ort *api = state->api;
    struct tensor *tensor = &model->tensors[INPUT][index];
    Handle info = NULL, shape = NULL;
    int type = 0;
    if (!DO(api, SessionGetInputName, state->session, index, api->allocator,
            &state->names[INPUT][index])) {
        return false;
    }
    tensor_name(tensor, state->names[INPUT][index]);
    if (!DO(api, SessionGetInputTypeInfo, state->session, index, &info)) return false;
    bool known = DO(api, CastTypeInfoToTensorInfo, info, &shape) &&
                 (shape != NULL || fail(error, "input %s is no tensor", tensor->name)) &&
                 know(api, tensor, shape, &type, error);
    CALL(api, ReleaseTypeInfo)(info);
    return known && DO(api, CreateTensorAsOrtValue, api->allocator, tensor->shape,
                       (size_t)tensor->rank, type, &state->values[INPUT][index]);
}

static bool make_sides(struct model *model, struct error *error) {
    struct ort_model *state = model->state;
    struct ort *api = state->api;
    size_t inputs = 0, outputs = 0;
    if (!DO(api, SessionGetInputCount, state->session, &inputs) ||
        !DO(api, SessionGetOutputCount, state->session, &outputs)) {
        return false;
    }
    if (inputs > MOST_TENSORS || outputs > MOST_TENSORS) {
        return fail(error, "it has %zu inputs and %zu outputs", inputs, outputs);
    }
    model->counts[INPUT] = (int)inputs;
    model->counts[OUTPUT] = (int)outputs;
    for (size_t i = 0; i < inputs; i++) {
        if (!make_input(model, i, error)) return false;
    }
    for (size_t i = 0; i < outputs; i++) {
        if (!DO(api, SessionGetOutputName, state->session, i, api->allocator,
                &state->names[OUTPUT][i])) {
            return false;
        }
    }
    return true;
}

static bool ort_load(struct model *model, const char *path, const struct settings *settings,
                     struct error *error) {
    struct ort_model *state = model->state = calloc(1, sizeof *state);
    if (state == NULL) return fail(error, "no memory");
    struct ort *api = state->api = model->library->api;
    if (settings->fp16) return fail(error, "ONNX Runtime computes a file as it is: no --fp16");
    if (settings->weight_cache != NULL) return fail(error, "--weight-cache is for LiteRT");
    return make_options(state, settings, error) &&
           DO(api, CreateSession, api->environment, path, state->options, &state->session) &&
           make_sides(model, error);
}

static void ort_unload(struct model *model) {
    struct ort_model *state = model->state;
    if (state == NULL) return;
    struct ort *api = state->api;
    for (int side = INPUT; side <= OUTPUT; side++) {
        for (int i = 0; i < MOST_TENSORS; i++) {
            if (state->values[side][i] != NULL) CALL(api, ReleaseValue)(state->values[side][i]);
            if (state->names[side][i] == NULL) continue;
            Status status = CALL(api, AllocatorFree)(api->allocator, state->names[side][i]);
            if (status != NULL) CALL(api, ReleaseStatus)(status);
        }
    }
    if (state->status != NULL) CALL(api, ReleaseStatus)(state->status);
    if (state->session != NULL) CALL(api, ReleaseSession)(state->session);
    if (state->options != NULL) CALL(api, ReleaseSessionOptions)(state->options);
    free(state);
    model->state = NULL;
}

static bool ort_set_input(struct model *model, int index, const void *data, struct error *error) {
    struct ort_model *state = model->state;
    void *host = NULL;
    if (!DO(state->api, GetTensorMutableData, state->values[INPUT][index], &host)) return false;
    /* A tensor without elements may have no memory. */
    if (host != NULL) memcpy(host, data, model->tensors[INPUT][index].bytes);
    return true;
}

static bool ort_get_output(struct model *model, int index, void *data, struct error *error) {
    struct ort_model *state = model->state;
    void *host = NULL;
    if (!DO(state->api, GetTensorMutableData, state->values[OUTPUT][index], &host)) return false;
    if (host != NULL) memcpy(data, host, model->tensors[OUTPUT][index].bytes);
    return true;
}

/* The first run makes the outputs' memory, the others use it again. */
static bool ort_run(struct model *model) {
    struct ort_model *state = model->state;
    state->status = CALL(state->api, Run)(
        state->session, NULL, (const char *const *)state->names[INPUT], state->values[INPUT],
        (size_t)model->counts[INPUT], (const char *const *)state->names[OUTPUT],
        (size_t)model->counts[OUTPUT], state->values[OUTPUT]);
    return state->status == NULL;
}

static void ort_why(struct model *model, struct error *error) {
    struct ort_model *state = model->state;
    succeeded(state->api, "Run", state->status, error);
    state->status = NULL;
}

static bool ort_know_outputs(struct model *model, struct error *error) {
    struct ort_model *state = model->state;
    struct ort *api = state->api;
    for (int i = 0; i < model->counts[OUTPUT]; i++) {
        struct tensor *tensor = &model->tensors[OUTPUT][i];
        Handle info = NULL;
        int type = 0, is_tensor = 0;
        tensor_name(tensor, state->names[OUTPUT][i]);
        if (!DO(api, IsTensor, state->values[OUTPUT][i], &is_tensor)) return false;
        if (is_tensor == 0) return fail(error, "output %s is no tensor", tensor->name);
        if (!DO(api, GetTensorTypeAndShape, state->values[OUTPUT][i], &info)) return false;
        bool known = know(api, tensor, info, &type, error);
        CALL(api, ReleaseTensorTypeAndShapeInfo)(info);
        if (!known) return false;
    }
    return true;
}

static void ort_settings(const struct settings *settings, struct json *json) {
    json_whole(json, "threads", settings->threads);
    json_whole(json, "inter_op_threads", 1);
    json_whole(json, "allow_spinning", 0);
    json_text(json, "execution", "sequential");
    json_text(json, "graph_optimization", "all");
    json_text(json, "provider", "CPUExecutionProvider");
}

static bool ort_finish_profile(struct model *model, char *path, size_t room, struct error *error) {
    struct ort_model *state = model->state;
    struct ort *api = state->api;
    char *name = NULL;
    if (!DO(api, SessionEndProfiling, state->session, api->allocator, &name)) return false;
    snprintf(path, room, "%s", name);
    return DO(api, AllocatorFree, api->allocator, name);
}

const struct runtime ONNXRUNTIME = {
    .name = "onnxruntime",
    .mark = "OrtGetApiBase",
    .open = ort_open,
    .close = ort_close,
    .load = ort_load,
    .unload = ort_unload,
    .set_input = ort_set_input,
    .run = ort_run,
    .why = ort_why,
    .know_outputs = ort_know_outputs,
    .get_output = ort_get_output,
    .settings_json = ort_settings,
    .finish_profile = ort_finish_profile,
};
