/* One interface to several inference libraries. A library is opened with dlopen and told apart by
 * what it exports; its functions are declared here by hand, so that no vendor's header is needed. */
#ifndef MIXNET_RUNTIME_H
#define MIXNET_RUNTIME_H

#include "base.h"
#include "json.h"

enum { MOST_RANK = 8, MOST_TENSORS = 16, MOST_EVENTS = 20000 };
enum side { INPUT, OUTPUT };
enum delegated { NOT_TOLD, WHOLLY, NOT_WHOLLY }; /* to the library's fast kernels: XNNPACK */

struct tensor {
    char name[128];
    const char *dtype; /* numpy's name, or "unknown" */
    int rank;
    int64_t shape[MOST_RANK];
    size_t bytes;
};

struct library {
    const struct runtime *runtime;
    void *handle;          /* of dlopen */
    void *api;             /* the runtime's own */
    char version[32];      /* empty where the library does not tell */
    const char *interface; /* which form of its API was found */
};

struct settings {
    int threads;
    const char *profile; /* NULL, or the prefix of files that the runtime may write a profile to */
    bool fp16;           /* a float32 file is to be computed in float16 */
    const char *weight_cache; /* NULL, or the file where packed weights are kept */
};

struct model {
    const struct library *library;
    void *state; /* the runtime's own */
    int counts[2];
    enum delegated delegated;
    struct tensor tensors[2][MOST_TENSORS];
};

struct runtime {
    const char *name;
    const char *mark; /* a symbol by which it is known */
    bool (*open)(struct library *library, struct error *error);
    void (*close)(struct library *library);

    /* Load a file; inputs' tensors are known then, the outputs' after the first run. */
    bool (*load)(struct model *model, const char *path, const struct settings *settings,
                 struct error *error);
    void (*unload)(struct model *model); /* also after a load that failed half-way */
    bool (*set_input)(struct model *model, int index, const void *data, struct error *error);
    bool (*run)(struct model *model); /* the only one that is timed */
    void (*why)(struct model *model, struct error *error); /* the last run failed */
    bool (*know_outputs)(struct model *model, struct error *error);
    bool (*get_output)(struct model *model, int index, void *data, struct error *error);
    void (*settings_json)(const struct settings *settings, struct json *json);

    /* Profiling of a model loaded for it. Either start and events, around each run, or finish,
     * after all of them, which tells the file that the runtime wrote. All NULL: it cannot. */
    bool (*start_profile)(struct model *model, struct error *error);
    bool (*events_json)(struct model *model, struct json *json, struct error *error);
    bool (*finish_profile)(struct model *model, char *path, size_t room, struct error *error);
};

bool library_open(struct library *library, const char *path, struct error *error);
void library_close(struct library *library);

/* For the runtimes: look up functions by a table of names, the last of which is NULL. */
typedef void (*function)(void);
bool find_functions(const struct library *library, const char *const *names, function *functions,
                    const char *what, struct error *error);
function find_function(const struct library *library, const char *name);

/* TensorFlow Lite's and LiteRT's numbers of element types, to numpy's names. */
const char *tflite_dtype(int type);
void tensor_name(struct tensor *tensor, const char *name);

extern const struct runtime LITERT, TFLITE, ONNXRUNTIME;

#endif
