/* A stand-in for a TensorFlow Lite C library with XNNPACK; see stub.h. */
#include "stub.h"

#ifndef STUB_VERSION
#define STUB_VERSION "2.17.0"
#endif
#ifndef STUB_FLAGS
#define STUB_FLAGS 3
#endif

struct options {
    int threads;
    void *delegate;
};

/* Since 2.15 another word of flags stands before. */
struct xnnpack_options {
    int32_t threads;
#ifdef STUB_RUNTIME_FLAGS
    uint32_t runtime_flags;
#endif
    uint32_t flags;
    void *weights;
    unsigned char others[40];
};

const char *TfLiteVersion(void) { return STUB_VERSION; }
void *TfLiteModelCreateFromFile(const char *path) { return stub_load(path); }
void TfLiteModelDelete(void *model) {
    stub_hang(model, "unload");
    free(model);
}
void *TfLiteInterpreterOptionsCreate(void) { return calloc(1, sizeof(struct options)); }
void TfLiteInterpreterOptionsDelete(void *options) { free(options); }
void TfLiteInterpreterOptionsSetNumThreads(void *options, int32_t threads) {
    ((struct options *)options)->threads = threads;
}
void TfLiteInterpreterOptionsAddDelegate(void *options, void *delegate) {
    ((struct options *)options)->delegate = delegate;
}
void *TfLiteInterpreterCreate(void *model, void *options) {
    const struct options *given = options;
    /* The delegate is the number of its threads, boxed: both must have been told the same. */
    if (given->delegate == NULL || *(int32_t *)given->delegate != given->threads) return NULL;
    ((struct stub *)model)->fp16 = stub_fp16;
    return model;
}
void TfLiteInterpreterDelete(void *interpreter) { (void)interpreter; }
int TfLiteInterpreterAllocateTensors(void *interpreter) {
    return strcmp(((struct stub *)interpreter)->fail, "compile") == 0 ? 1 : 0;
}
int TfLiteInterpreterInvoke(void *interpreter) { return stub_run(interpreter); }
int32_t TfLiteInterpreterGetInputTensorCount(void *interpreter) {
    return (int32_t)((struct stub *)interpreter)->inputs;
}
int32_t TfLiteInterpreterGetOutputTensorCount(void *interpreter) {
    (void)interpreter;
    return 1;
}

/* A tensor is the address of its values; the stub before it is found again from the input's. */
static struct stub *owner_in, *owner_out;
void *TfLiteInterpreterGetInputTensor(void *interpreter, int32_t index) {
    (void)index;
    owner_in = interpreter;
    return owner_in->in;
}
void *TfLiteInterpreterGetOutputTensor(void *interpreter, int32_t index) {
    (void)index;
    owner_out = interpreter;
    return owner_out->out;
}
static const struct stub *owner(const void *tensor) {
    return owner_in != NULL && tensor == owner_in->in ? owner_in : owner_out;
}
int TfLiteTensorType(void *tensor) { return (int)owner(tensor)->dtype; }
const char *TfLiteTensorName(void *tensor) { return owner(tensor)->in == tensor ? "x\xff\n" : "y"; }
int32_t TfLiteTensorNumDims(void *tensor) { return (int32_t)owner(tensor)->rank; }
int32_t TfLiteTensorDim(void *tensor, int32_t axis) {
    (void)tensor;
    return axis == 1 ? STUB_VALUES : 1;
}
size_t TfLiteTensorByteSize(void *tensor) {
    (void)tensor;
    return STUB_BYTES;
}
int TfLiteTensorCopyFromBuffer(void *tensor, const void *data, size_t bytes) {
    if (bytes != STUB_BYTES) return 1;
    memcpy(tensor, data, bytes);
    return 0;
}
int TfLiteTensorCopyToBuffer(void *tensor, void *data, size_t bytes) {
    if (bytes != STUB_BYTES) return 1;
    memcpy(data, tensor, bytes);
    return 0;
}
struct xnnpack_options TfLiteXNNPackDelegateOptionsDefault(void) {
    return (struct xnnpack_options){.flags = STUB_FLAGS};
}
void *TfLiteXNNPackDelegateCreate(const struct xnnpack_options *options) {
    int32_t *threads = malloc(sizeof *threads);
    if (threads == NULL) abort();
    *threads = options == NULL ? 1 : options->threads;
    /* The defaults were lost; of float16, outputs tell. */
    if (options != NULL && (options->flags & ~4u) != STUB_FLAGS) *threads = -1;
    stub_fp16 = options != NULL && (options->flags & 4) != 0;
    return threads;
}
void TfLiteXNNPackDelegateDelete(void *delegate) { free(delegate); }
