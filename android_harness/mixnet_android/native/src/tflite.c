/* The classic TensorFlow Lite C interface, as in Android's libtensorflowlite_jni.so, with XNNPACK
 * created explicitly: without it a run is two to four times slower. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

typedef void *Handle;

#define TFLITE_FUNCTIONS(X)                                       \
    X(Version, const char *, (void))                              \
    X(ModelCreateFromFile, Handle, (const char *))                \
    X(ModelDelete, void, (Handle))                                \
    X(InterpreterOptionsCreate, Handle, (void))                   \
    X(InterpreterOptionsDelete, void, (Handle))                   \
    X(InterpreterOptionsSetNumThreads, void, (Handle, int32_t))   \
    X(InterpreterOptionsAddDelegate, void, (Handle, Handle))      \
    X(InterpreterCreate, Handle, (Handle, Handle))                \
    X(InterpreterDelete, void, (Handle))                          \
    X(InterpreterAllocateTensors, int, (Handle))                  \
    X(InterpreterInvoke, int, (Handle))                           \
    X(InterpreterGetInputTensorCount, int32_t, (Handle))          \
    X(InterpreterGetOutputTensorCount, int32_t, (Handle))         \
    X(InterpreterGetInputTensor, Handle, (Handle, int32_t))       \
    X(InterpreterGetOutputTensor, Handle, (Handle, int32_t))      \
    X(TensorType, int, (Handle))                                  \
    X(TensorName, const char *, (Handle))                         \
    X(TensorNumDims, int32_t, (Handle))                           \
    X(TensorDim, int32_t, (Handle, int32_t))                      \
    X(TensorByteSize, size_t, (Handle))                           \
    X(TensorCopyFromBuffer, int, (Handle, const void *, size_t))  \
    X(TensorCopyToBuffer, int, (Handle, void *, size_t))          \
    X(XNNPackDelegateOptionsDefault, struct xnnpack_options, (void)) \
    X(XNNPackDelegateCreate, Handle, (const struct xnnpack_options *)) \
    X(XNNPackDelegateDelete, void, (Handle))

/* TfLiteXNNPackDelegateOptions: its first member, and room for what later versions added. A struct
 * beyond 16 bytes is returned through memory, whatever its size, on Arm64 and x86-64; so this is
 * right for versions whose struct is that large, see MULTITHREADED. */
struct xnnpack_options {
    int32_t threads;
    unsigned char others[508];
};

#define PLACE(name, result, arguments) AT_##name,
enum { TFLITE_FUNCTIONS(PLACE) TFLITE_COUNT };
#undef PLACE
#define TYPE(name, result, arguments) typedef result(*name##_call) arguments;
TFLITE_FUNCTIONS(TYPE)
#undef TYPE
#define NAME(name, result, arguments) "TfLite" #name,
static const char *const NAMES[] = {TFLITE_FUNCTIONS(NAME) NULL};
#undef NAME

struct tflite {
    function functions[TFLITE_COUNT];
};

struct tflite_model {
    struct tflite *api;
    Handle model, options, delegate, interpreter;
    int status;
};

#define CALL(api, name) ((name##_call)(api)->functions[AT_##name])

/* The first minor version of 2.x whose XNNPACK options are beyond 16 bytes for certain. */
enum { MULTITHREADED = 13 };

/* TFLITE_XNNPACK_DELEGATE_FLAG_FORCE_FP16, and more than all flags together. */
enum { FORCE_FP16 = 4, MOST_FLAGS = 0xffff };

static bool tflite_open(struct library *library, struct error *error) {
    struct tflite *api = calloc(1, sizeof *api);
    if (api == NULL) return fail(error, "no memory");
    library->api = api;
    if (!find_functions(library, NAMES, api->functions,
                        "a TensorFlow Lite C library with XNNPACK", error)) {
        return false;
    }
    const char *version = CALL(api, Version)();
    snprintf(library->version, sizeof library->version, "%s", version == NULL ? "" : version);
    library->interface = "tflite-c";
    return true;
}

static void tflite_close(struct library *library) {
    free(library->api);
    library->api = NULL;
}

static bool takes_options(const char *version) {
    int major = 0, minor = 0;
    return sscanf(version, "%d.%d", &major, &minor) == 2 &&
           (major > 2 || (major == 2 && minor >= MULTITHREADED));
}

/* Where the flags stand changed between versions: they are the first of the two words behind the
 * threads that is not 0 by default, since 8-bit kernels are on in all builds that have both. */
static bool force_fp16(struct xnnpack_options *options, struct error *error) {
    uint32_t words[2];
    memcpy(words, options->others, sizeof words);
    int place = words[0] != 0 ? 0 : 1;
    if (words[place] == 0 || words[place] > MOST_FLAGS) {
        return fail(error, "this TensorFlow Lite does not tell where its XNNPACK flags are");
    }
    words[place] |= FORCE_FP16;
    memcpy(options->others, words, sizeof words);
    return true;
}

static bool make_delegate(struct tflite_model *state, const struct settings *settings,
                          const char *version, struct error *error) {
    struct xnnpack_options options;
    const struct xnnpack_options *chosen = NULL; /* the defaults: one thread */
    if (settings->threads > 1 || settings->fp16) {
        if (!takes_options(version)) {
            return fail(error, "TensorFlow Lite '%.30s' cannot be given %s; 2.%d can", version,
                        settings->fp16 ? "float16" : "several threads", MULTITHREADED);
        }
        options = CALL(state->api, XNNPackDelegateOptionsDefault)();
        options.threads = settings->threads;
        if (settings->fp16 && !force_fp16(&options, error)) return false;
        chosen = &options;
    }
    state->delegate = CALL(state->api, XNNPackDelegateCreate)(chosen);
    return state->delegate != NULL || fail(error, "TfLiteXNNPackDelegateCreate failed");
}

static bool know(struct model *model, enum side side, int index, struct error *error) {
    struct tflite_model *state = model->state;
    struct tflite *api = state->api;
    struct tensor *tensor = &model->tensors[side][index];
    Handle handle = side == INPUT ? CALL(api, InterpreterGetInputTensor)(state->interpreter, index)
                                  : CALL(api, InterpreterGetOutputTensor)(state->interpreter, index);
    if (handle == NULL) return fail(error, "it has no input or output %d", index);
    tensor_name(tensor, CALL(api, TensorName)(handle));
    tensor->dtype = tflite_dtype(CALL(api, TensorType)(handle));
    tensor->bytes = CALL(api, TensorByteSize)(handle);
    tensor->rank = CALL(api, TensorNumDims)(handle);
    if (tensor->rank < 0 || tensor->rank > MOST_RANK) {
        return fail(error, "a tensor has %d axes", tensor->rank);
    }
    for (int axis = 0; axis < tensor->rank; axis++) {
        tensor->shape[axis] = CALL(api, TensorDim)(handle, axis);
    }
    return true;
}

static bool know_side(struct model *model, enum side side, struct error *error) {
    struct tflite_model *state = model->state;
    int count = side == INPUT ? CALL(state->api, InterpreterGetInputTensorCount)(state->interpreter)
                              : CALL(state->api, InterpreterGetOutputTensorCount)(state->interpreter);
    if (count < 0 || count > MOST_TENSORS) return fail(error, "it has %d inputs or outputs", count);
    model->counts[side] = count;
    for (int i = 0; i < count; i++) {
        if (!know(model, side, i, error)) return false;
    }
    return true;
}

static bool tflite_load(struct model *model, const char *path, const struct settings *settings,
                        struct error *error) {
    struct tflite_model *state = model->state = calloc(1, sizeof *state);
    if (state == NULL) return fail(error, "no memory");
    struct tflite *api = state->api = model->library->api;
    if (settings->weight_cache != NULL) return fail(error, "--weight-cache is for LiteRT");
    state->model = CALL(api, ModelCreateFromFile)(path);
    if (state->model == NULL) return fail(error, "TfLiteModelCreateFromFile failed");
    if (!make_delegate(state, settings, model->library->version, error)) return false;
    state->options = CALL(api, InterpreterOptionsCreate)();
    if (state->options == NULL) return fail(error, "TfLiteInterpreterOptionsCreate failed");
    CALL(api, InterpreterOptionsSetNumThreads)(state->options, settings->threads);
    CALL(api, InterpreterOptionsAddDelegate)(state->options, state->delegate);
    state->interpreter = CALL(api, InterpreterCreate)(state->model, state->options);
    if (state->interpreter == NULL) return fail(error, "TfLiteInterpreterCreate failed");
    int status = CALL(api, InterpreterAllocateTensors)(state->interpreter);
    if (status != 0) return fail(error, "allocating its tensors failed with status %d", status);
    return know_side(model, INPUT, error) && know_side(model, OUTPUT, error);
}

static void tflite_unload(struct model *model) {
    struct tflite_model *state = model->state;
    if (state == NULL) return;
    struct tflite *api = state->api;
    if (state->interpreter != NULL) CALL(api, InterpreterDelete)(state->interpreter);
    if (state->options != NULL) CALL(api, InterpreterOptionsDelete)(state->options);
    if (state->delegate != NULL) CALL(api, XNNPackDelegateDelete)(state->delegate);
    if (state->model != NULL) CALL(api, ModelDelete)(state->model);
    free(state);
    model->state = NULL;
}

static bool tflite_set_input(struct model *model, int index, const void *data,
                             struct error *error) {
    struct tflite_model *state = model->state;
    Handle tensor = CALL(state->api, InterpreterGetInputTensor)(state->interpreter, index);
    size_t bytes = model->tensors[INPUT][index].bytes;
    int status = CALL(state->api, TensorCopyFromBuffer)(tensor, data, bytes);
    return status == 0 || fail(error, "TfLiteTensorCopyFromBuffer failed with status %d", status);
}

static bool tflite_get_output(struct model *model, int index, void *data, struct error *error) {
    struct tflite_model *state = model->state;
    Handle tensor = CALL(state->api, InterpreterGetOutputTensor)(state->interpreter, index);
    size_t bytes = model->tensors[OUTPUT][index].bytes;
    int status = CALL(state->api, TensorCopyToBuffer)(tensor, data, bytes);
    return status == 0 || fail(error, "TfLiteTensorCopyToBuffer failed with status %d", status);
}

static bool tflite_run(struct model *model) {
    struct tflite_model *state = model->state;
    state->status = CALL(state->api, InterpreterInvoke)(state->interpreter);
    return state->status == 0;
}

static void tflite_why(struct model *model, struct error *error) {
    const struct tflite_model *state = model->state;
    fail(error, "TfLiteInterpreterInvoke failed with status %d", state->status);
}

static bool tflite_know_outputs(struct model *model, struct error *error) {
    return know_side(model, OUTPUT, error); /* a run may have changed open sizes */
}

static void tflite_settings(const struct settings *settings, struct json *json) {
    json_whole(json, "threads", settings->threads);
    json_text(json, "delegate", "XNNPACK");
    if (settings->fp16) json_whole(json, "fp16", 1);
}

const struct runtime TFLITE = {
    .name = "tflite",
    .mark = "TfLiteInterpreterCreate",
    .open = tflite_open,
    .close = tflite_close,
    .load = tflite_load,
    .unload = tflite_unload,
    .set_input = tflite_set_input,
    .run = tflite_run,
    .why = tflite_why,
    .know_outputs = tflite_know_outputs,
    .get_output = tflite_get_output,
    .settings_json = tflite_settings,
};
