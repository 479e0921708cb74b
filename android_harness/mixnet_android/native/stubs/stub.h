/* What the stand-in runtimes share: a "model" is a text file of lines like `fail=invoke`, and its
 * inference doubles four floats, at once. The tests of the runner measure and break it with these;
 * nothing here is shipped.
 *
 *   spin_ns=N      an inference takes that long
 *   fail=STEP      load, compile or run fails
 *   fail_after=N   from the N-th inference on
 *   open=1         the first axis is open (-1)
 *   dtype=N        element type number
 *   rank=N         axes
 *   inputs=N       inputs; 1 by default
 *   hang=STEP      load, run or unload does not return
 *
 * With -DSTUB_HANGS the library is never done with being loaded. */
#ifndef STUB_H
#define STUB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STUB_VALUES = 4, STUB_BYTES = 4 * STUB_VALUES };

struct stub {
    char fail[32], hang[32];
    long spin_ns, fail_after, open, dtype, rank, inputs, runs, fp16, partly;
    float in[STUB_VALUES], out[STUB_VALUES];
};

/* Whether float16 was asked for when the latest model was made: its inference triples then. */
static int stub_fp16;

static inline void stub_hang(const struct stub *stub, const char *step) {
    while (strcmp(stub->hang, step) == 0) pause();
}

#ifdef STUB_HANGS
__attribute__((constructor)) static void stub_start(void) {
    for (;;) pause();
}
#endif

static inline struct stub *stub_load(const char *path) {
    char line[256];
    FILE *file = fopen(path, "r");
    struct stub *stub = calloc(1, sizeof *stub);
    if (file == NULL || stub == NULL) abort();
    stub->dtype = 1;
    stub->rank = 2;
    stub->inputs = 1;
    while (fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "fail=%31s", stub->fail);
        sscanf(line, "hang=%31s", stub->hang);
        sscanf(line, "spin_ns=%ld", &stub->spin_ns);
        sscanf(line, "fail_after=%ld", &stub->fail_after);
        sscanf(line, "open=%ld", &stub->open);
        sscanf(line, "dtype=%ld", &stub->dtype);
        sscanf(line, "rank=%ld", &stub->rank);
        sscanf(line, "inputs=%ld", &stub->inputs);
        sscanf(line, "partly=%ld", &stub->partly);
    }
    fclose(file);
    stub_hang(stub, "load");
    if (strcmp(stub->fail, "load") == 0) {
        free(stub);
        return NULL;
    }
    return stub;
}

static inline int64_t stub_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* 0, or 7 where it is told to fail. */
static inline int stub_run(struct stub *stub) {
    stub->runs++;
    stub_hang(stub, "run");
    if (stub->spin_ns > 0) {
        int64_t until = stub_now() + stub->spin_ns;
        while (stub_now() < until) {
        }
    }
    for (int i = 0; i < STUB_VALUES; i++) stub->out[i] = (stub->fp16 ? 3 : 2) * stub->in[i];
    int fails = strcmp(stub->fail, "run") == 0 && stub->runs > stub->fail_after;
    return fails ? 7 : 0;
}

#endif
