/* LiteRT's C interface as far as it is used: versions 2.1.5 to 2.3, from litert/c in its
 * repository. It is not frozen; a symbol tells the one difference that matters. */
#ifndef MIXNET_LITERT_H
#define MIXNET_LITERT_H

#include "runtime.h"

typedef void *Handle;

/* LiteRtRankedTensorType, 72 bytes. */
struct litert_type {
    int32_t element;
    uint32_t rank_and_strides; /* 7 bits and 1 bit */
    int32_t sizes[8];
    uint32_t strides[8];
};

#define LITERT_FUNCTIONS(X)                                                             \
    X(CreateEnvironment, (int, const void *, Handle *))                                 \
    X(CreateOptions, (Handle *))                                                        \
    X(SetOptionsHardwareAccelerators, (Handle, int))                                    \
    X(CreateOpaqueOptions, (const char *, void *, void (*)(void *), Handle *))          \
    X(AddOpaqueOptions, (Handle, Handle))                                               \
    X(CreateCompiledModel, (Handle, Handle, Handle, Handle *))                          \
    X(RunCompiledModel, (Handle, size_t, size_t, Handle *, size_t, Handle *))           \
    X(GetModelSignature, (Handle, size_t, Handle *))                                    \
    X(GetNumSignatureInputs, (Handle, size_t *))                                        \
    X(GetNumSignatureOutputs, (Handle, size_t *))                                       \
    X(GetSignatureInputName, (Handle, size_t, const char **))                           \
    X(GetSignatureOutputName, (Handle, size_t, const char **))                          \
    X(GetSignatureInputTensorByIndex, (Handle, size_t, Handle *))                       \
    X(GetSignatureOutputTensorByIndex, (Handle, size_t, Handle *))                      \
    X(GetRankedTensorType, (Handle, struct litert_type *))                              \
    X(GetCompiledModelInputBufferRequirements, (Handle, size_t, size_t, Handle *))      \
    X(GetCompiledModelOutputBufferRequirements, (Handle, size_t, size_t, Handle *))     \
    X(CreateManagedTensorBufferFromRequirements,                                        \
      (Handle, const struct litert_type *, Handle, Handle *))                           \
    X(GetTensorBufferPackedSize, (Handle, size_t *))                                    \
    X(LockTensorBuffer, (Handle, void **, int))                                         \
    X(UnlockTensorBuffer, (Handle))                                                     \
    X(CompiledModelGetProfiler, (Handle, Handle *))                                     \
    X(ResetProfiler, (Handle))                                                          \
    X(StartProfiler, (Handle))                                                          \
    X(GetNumProfilerEvents, (Handle, int *))                                            \
    X(GetProfilerEvents, (Handle, int, void *))

#define LITERT_DESTROYERS(X)        \
    X(DestroyTensorBuffer, (Handle)) \
    X(DestroyCompiledModel, (Handle)) \
    X(DestroyOptions, (Handle))      \
    X(DestroyModel, (Handle))        \
    X(DestroyEnvironment, (Handle))

/* Places in a table of function pointers, and their types. */
#define PLACE(name, arguments) AT_##name,
enum { LITERT_FUNCTIONS(PLACE) NEEDED, LITERT_FIRST_DESTROYER = NEEDED - 1,
       LITERT_DESTROYERS(PLACE) LITERT_COUNT };
#undef PLACE
#define TYPE(name, arguments) typedef int (*name##_call) arguments;
LITERT_FUNCTIONS(TYPE)
#undef TYPE
#define TYPE(name, arguments) typedef void (*name##_call) arguments;
LITERT_DESTROYERS(TYPE)
#undef TYPE

struct litert {
    function functions[LITERT_COUNT];
    function create_model;
    function is_accelerated; /* NULL where the library does not tell */
    bool takes_environment;
    Handle environment;
};

/* A loaded model; the texts outlive the options that point into them. */
struct litert_model {
    struct litert *api;
    char xnnpack_text[4096 + 128], profile_text[64];
    Handle model, options, compiled, profiler;
    Handle buffers[2][MOST_TENSORS];
    int status; /* of the last run */
};

#define LITERT_CALL(api, name) ((name##_call)(api)->functions[AT_##name])

bool litert_start_profile(struct model *model, struct error *error);
bool litert_events_json(struct model *model, struct json *json, struct error *error);

#endif
