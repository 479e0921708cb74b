/* A stand-in for libLiteRt, of version 2.1.5 or, with STUB_2_1_6, later; see stub.h. */
#include "stub.h"

typedef void *Handle;

struct type {
    int32_t element;
    uint32_t rank;
    int32_t sizes[8];
    uint32_t strides[8];
};

#ifndef STUB_MEMORY
#define STUB_MEMORY 24
#endif

struct event {
    const char *tag;
    uint32_t type;
    uint64_t start, elapsed;
    unsigned char memory[2 * STUB_MEMORY];
    uint64_t one, two;
    uint32_t source;
};

static char token; /* what handles point to that stand for nothing */

/* A cache is a file of one word, at a path that ends in a quote. */
static void stub_write_cache(const char *path) {
    char name[4096];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(path, "'"), path);
    FILE *file = fopen(name, "w");
    if (file == NULL) abort();
    fputs("cache", file);
    fclose(file);
}

int LiteRtCreateEnvironment(int count, const void *options, Handle *made) {
    (void)count, (void)options;
    *made = &token;
    return 0;
}
static int create(const char *path, Handle *made) {
    *made = stub_load(path);
    return *made == NULL ? 3 : 0;
}
#ifdef STUB_2_1_6
void LiteRtCreateModelFromFd(void) {}
int LiteRtCreateModelFromFile(Handle environment, const char *path, Handle *made) {
    return environment == &token ? create(path, made) : 4;
}
#else
int LiteRtCreateModelFromFile(const char *path, Handle *made) { return create(path, made); }
#endif
int LiteRtCreateOptions(Handle *made) { return *made = calloc(1, 64), 0; }
int LiteRtSetOptionsHardwareAccelerators(Handle options, int which) {
    (void)options;
    return which == 1 ? 0 : 5;
}
int LiteRtCreateOpaqueOptions(const char *name, void *text, void (*release)(void *), Handle *made) {
    (void)name;
    release(text);
    return *made = text, 0;
}
int LiteRtAddOpaqueOptions(Handle options, Handle entry) {
    if (strstr(entry, "profiling") != NULL) *(char *)options = 1;
    if (strstr(entry, "num_threads") != NULL) {
        stub_fp16 = strstr(entry, "flags = 15") != NULL;
        const char *path = strstr(entry, "weight_cache_file_path = '");
        if (path != NULL) stub_write_cache(strchr(path, '\'') + 1);
    }
    return 0;
}
int LiteRtCreateCompiledModel(Handle environment, Handle model, Handle options, Handle *made) {
    (void)environment, (void)options;
    *made = model;
    ((struct stub *)model)->fp16 = stub_fp16;
    return strcmp(((struct stub *)model)->fail, "compile") == 0 ? 6 : 0;
}
int LiteRtRunCompiledModel(Handle model, size_t signature, size_t inputs, Handle *in,
                           size_t outputs, Handle *out) {
    (void)signature, (void)in, (void)out;
    const struct stub *stub = model;
    return inputs == (size_t)stub->inputs && outputs == 1 ? stub_run(model) : 8;
}
int LiteRtGetModelSignature(Handle model, size_t index, Handle *found) {
    (void)index;
    *found = model;
    return 0;
}
int LiteRtGetNumSignatureInputs(Handle model, size_t *count) {
    *count = (size_t)((struct stub *)model)->inputs;
    return 0;
}
int LiteRtGetNumSignatureOutputs(Handle model, size_t *count) {
    (void)model;
    *count = 1;
    return 0;
}
int LiteRtGetSignatureInputName(Handle model, size_t index, const char **name) {
    (void)model, (void)index;
    return *name = "x", 0;
}
int LiteRtGetSignatureOutputName(Handle model, size_t index, const char **name) {
    (void)model, (void)index;
    return *name = "y", 0;
}
int LiteRtGetSignatureInputTensorByIndex(Handle model, size_t index, Handle *found) {
    (void)index;
    return *found = model, 0;
}
int LiteRtGetSignatureOutputTensorByIndex(Handle model, size_t index, Handle *found) {
    (void)index;
    return *found = model, 0;
}
int LiteRtGetRankedTensorType(Handle model, struct type *type) {
    const struct stub *stub = model;
    type->element = (int32_t)stub->dtype;
    type->rank = (uint32_t)stub->rank;
    type->sizes[0] = stub->open ? -1 : 1;
    type->sizes[1] = STUB_VALUES;
    return 0;
}
int LiteRtGetCompiledModelInputBufferRequirements(Handle model, size_t signature, size_t index,
                                                  Handle *found) {
    (void)signature, (void)index;
    *found = ((struct stub *)model)->in;
    return 0;
}
int LiteRtGetCompiledModelOutputBufferRequirements(Handle model, size_t signature, size_t index,
                                                   Handle *found) {
    (void)signature, (void)index;
    *found = ((struct stub *)model)->out;
    return 0;
}
int LiteRtCreateManagedTensorBufferFromRequirements(Handle environment, const struct type *type,
                                                    Handle needs, Handle *made) {
    (void)environment;
    *made = needs;
    return type->sizes[0] == 1 ? 0 : 9;
}
int LiteRtGetTensorBufferPackedSize(Handle buffer, size_t *bytes) {
    (void)buffer;
    return *bytes = STUB_BYTES, 0;
}
int LiteRtLockTensorBuffer(Handle buffer, void **host, int mode) {
    (void)mode;
    return *host = buffer, 0;
}
int LiteRtUnlockTensorBuffer(Handle buffer) { return buffer == NULL; }
#ifdef STUB_2_1_6
int LiteRtCompiledModelIsFullyAccelerated(Handle model, bool *wholly) {
    return *wholly = !((struct stub *)model)->partly, 0;
}
#endif
int LiteRtCompiledModelGetProfiler(Handle model, Handle *found) { return *found = model, 0; }
int LiteRtResetProfiler(Handle profiler) { return profiler == NULL; }
int LiteRtStartProfiler(Handle profiler) { return profiler == NULL; }
int LiteRtGetNumProfilerEvents(Handle profiler, int *count) {
    (void)profiler;
    return *count = 2, 0;
}
int LiteRtGetProfilerEvents(Handle profiler, int count, struct event *events) {
    (void)profiler;
    for (int i = 0; i < count; i++) {
        events[i] = (struct event){.tag = i == 0 ? "Conv" : "Add", .type = 8, .start = 5,
                                   .elapsed = 10, .one = (uint64_t)i, .source = 2};
        memset(events[i].memory, 0xff, sizeof events[i].memory);
    }
    return 0;
}
void LiteRtDestroyTensorBuffer(Handle buffer) { (void)buffer; }
void LiteRtDestroyCompiledModel(Handle model) { (void)model; }
void LiteRtDestroyOptions(Handle options) { free(options); }
void LiteRtDestroyModel(Handle model) { free(model); }
void LiteRtDestroyEnvironment(Handle environment) { (void)environment; }
