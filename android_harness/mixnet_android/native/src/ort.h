/* ONNX Runtime: a table of functions that only grows, asked for in version 11 (its 1.11, 2022).
 *
 * Places in it are those of OrtApi in onnxruntime_c_api.h; its sources assert that version 1 ends
 * at 101, version 2 at 118 and version 5 at 149. */
#ifndef MIXNET_ORT_H
#define MIXNET_ORT_H

#include "runtime.h"

typedef void *Handle;
typedef void *Status; /* NULL is success */

enum { API_VERSION = 11, LOG_ERRORS = 3, SEQUENTIAL = 0, ALL_OPTIMIZATIONS = 99 };

#define ORT_FUNCTIONS(X)                                                                     \
    X(GetErrorMessage, 2, const char *, (Status))                                            \
    X(CreateEnv, 3, Status, (int, const char *, Handle *))                                   \
    X(CreateSession, 7, Status, (Handle, const char *, Handle, Handle *))                    \
    X(Run, 9, Status,                                                                        \
      (Handle, Handle, const char *const *, const Handle *, size_t, const char *const *, size_t, \
       Handle *))                                                                            \
    X(CreateSessionOptions, 10, Status, (Handle *))                                          \
    X(SetOptimizedModelFilePath, 11, Status, (Handle, const char *))                         \
    X(SetSessionExecutionMode, 13, Status, (Handle, int))                                    \
    X(EnableProfiling, 14, Status, (Handle, const char *))                                   \
    X(SetSessionLogSeverityLevel, 22, Status, (Handle, int))                                 \
    X(SetSessionGraphOptimizationLevel, 23, Status, (Handle, int))                           \
    X(SetIntraOpNumThreads, 24, Status, (Handle, int))                                       \
    X(SetInterOpNumThreads, 25, Status, (Handle, int))                                       \
    X(SessionGetInputCount, 30, Status, (Handle, size_t *))                                  \
    X(SessionGetOutputCount, 31, Status, (Handle, size_t *))                                 \
    X(SessionGetInputTypeInfo, 33, Status, (Handle, size_t, Handle *))                       \
    X(SessionGetInputName, 36, Status, (Handle, size_t, Handle, char **))                    \
    X(SessionGetOutputName, 37, Status, (Handle, size_t, Handle, char **))                   \
    X(CreateTensorAsOrtValue, 48, Status, (Handle, const int64_t *, size_t, int, Handle *))  \
    X(IsTensor, 50, Status, (Handle, int *))                                                 \
    X(GetTensorMutableData, 51, Status, (Handle, void **))                                   \
    X(CastTypeInfoToTensorInfo, 55, Status, (Handle, Handle *))                              \
    X(GetTensorElementType, 60, Status, (Handle, int *))                                     \
    X(GetDimensionsCount, 61, Status, (Handle, size_t *))                                    \
    X(GetDimensions, 62, Status, (Handle, int64_t *, size_t))                                \
    X(GetTensorTypeAndShape, 65, Status, (Handle, Handle *))                                 \
    X(AllocatorFree, 76, Status, (Handle, void *))                                           \
    X(GetAllocatorWithDefaultOptions, 78, Status, (Handle *))                                \
    X(ReleaseEnv, 92, void, (Handle))                                                        \
    X(ReleaseStatus, 93, void, (Status))                                                     \
    X(ReleaseSession, 95, void, (Handle))                                                    \
    X(ReleaseValue, 96, void, (Handle))                                                      \
    X(ReleaseTypeInfo, 98, void, (Handle))                                                   \
    X(ReleaseTensorTypeAndShapeInfo, 99, void, (Handle))                                     \
    X(ReleaseSessionOptions, 100, void, (Handle))                                            \
    X(SessionEndProfiling, 110, Status, (Handle, Handle, char **))                           \
    X(AddSessionConfigEntry, 130, Status, (Handle, const char *, const char *))

#define PLACE(name, place, result, arguments) AT_##name = place,
enum { ORT_FUNCTIONS(PLACE) };
#undef PLACE
#define TYPE(name, place, result, arguments) typedef result(*name##_call) arguments;
ORT_FUNCTIONS(TYPE)
#undef TYPE

struct api_base {
    const function *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

#endif
