#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "runtime.h"

static const struct runtime *const RUNTIMES[] = {&LITERT, &TFLITE, &ONNXRUNTIME};
enum { RUNTIME_COUNT = sizeof RUNTIMES / sizeof *RUNTIMES };

function find_function(const struct library *library, const char *name) {
    function found;
    /* C has no conversion from an object's address to a function's; POSIX promises this one. */
    void *symbol = dlsym(library->handle, name);
    memcpy(&found, &symbol, sizeof found);
    return found;
}

bool find_functions(const struct library *library, const char *const *names, function *functions,
                    const char *what, struct error *error) {
    for (size_t i = 0; names[i] != NULL; i++) {
        functions[i] = find_function(library, names[i]);
        if (functions[i] == NULL) {
            return fail(error, "it exports no %s: %s is needed", names[i], what);
        }
    }
    return true;
}

static bool recognise(struct library *library, const char *path, struct error *error) {
    struct error inner = {""};
    for (int i = 0; i < RUNTIME_COUNT; i++) {
        if (find_function(library, RUNTIMES[i]->mark) == NULL) continue;
        library->runtime = RUNTIMES[i];
        if (library->runtime->open(library, &inner)) return true;
        return fail(error, "%.200s (%s): %.250s", path, library->runtime->name, inner.text);
    }
    return fail(error,
                "%.300s is no runtime known here: it exports none of %s, %s, %s", path,
                LITERT.mark, TFLITE.mark, ONNXRUNTIME.mark);
}

bool library_open(struct library *library, const char *path, struct error *error) {
    memset(library, 0, sizeof *library);
    /* A name without a slash would be looked for in the system's folders, not here. */
    char local[4096];
    int length = snprintf(local, sizeof local, "%s%s", strchr(path, '/') == NULL ? "./" : "", path);
    if (length < 0 || (size_t)length >= sizeof local) return fail(error, "a library's name is too long");
    int file = open_regular(local, O_RDONLY, error);
    if (file < 0) return false;
    close(file);
    library->handle = dlopen(local, RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL) {
        const char *why = dlerror();
        return fail(error, "cannot open %.200s: %.250s", path, why == NULL ? "" : why);
    }
    if (recognise(library, path, error)) return true;
    library_close(library);
    return false;
}

void library_close(struct library *library) {
    if (library->runtime != NULL) library->runtime->close(library);
    /* The library stays in memory: its threads and exit handlers may still need its code. */
    memset(library, 0, sizeof *library);
}

const char *tflite_dtype(int type) {
    static const char *const names[] = {
        [1] = "float32", [2] = "int32",   [3] = "uint8",   [4] = "int64",
        [6] = "bool",    [7] = "int16",   [9] = "int8",    [10] = "float16",
        [11] = "float64", [13] = "uint64", [16] = "uint32", [17] = "uint16",
    };
    const int count = sizeof names / sizeof *names;
    return type < 0 || type >= count || names[type] == NULL ? "unknown" : names[type];
}

void tensor_name(struct tensor *tensor, const char *name) {
    snprintf(tensor->name, sizeof tensor->name, "%s", name == NULL ? "" : name);
}
