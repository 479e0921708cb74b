/* libFuzzer's entry to what the runner reads from outside and what it writes: its arguments, lists
 * of CPUs, input files, and the text of its lines.
 *
 *   clang -g -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -I../src fuzz.c ../src/args.c \
 *         ../src/base.c ../src/cpu.c ../src/data.c ../src/json.c -o fuzz && ./fuzz -max_len=512
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "args.h"
#include "data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, which libFuzzer reports, where a promise is broken. */
static void expect(bool promise) {
    if (!promise) abort();
}

/* The bytes as a command line, one argument after each 0. */
static void fuzz_args(char *text, size_t size) {
    char *argv[66] = {(char[]){"runner"}};
    int argc = 1;
    for (size_t at = 0; at < size && argc < 65; at += strlen(text + at) + 1) argv[argc++] = text + at;
    struct options options;
    struct error error = {""};
    if (!parse_args(&options, argc, argv, &error)) {
        expect(error.text[0] != 0);
        return;
    }
    expect(options.threads >= 1 && options.threads <= 64);
    expect(options.min_time_s >= 0 && options.max_time_s > 0 && options.burst_ms > 0);
    expect(options.model_count <= MOST_MODELS && options.library_count <= MOST_LIBRARIES);
    for (int i = 0; i < options.model_count; i++) {
        expect(options.models[i].library < options.library_count);
    }
}

/* A list that is understood comes out again with as many CPUs as went in. */
static void fuzz_cpus(const char *text, struct json *json) {
    struct cpus cpus;
    if (!cpus_parse(&cpus, text)) return;
    int count = 0;
    for (int cpu = 0; cpu < MOST_CPUS; cpu++) count += cpus_has(&cpus, cpu) ? 1 : 0;
    expect(count >= 1);
    json_begin(json, "cpus");
    cpus_json(&cpus, json, "cpus");
    int commas = 0;
    for (size_t i = 0; i < json->length; i++) commas += json->text[i] == ',' ? 1 : 0;
    expect(commas == count); /* one more stands after the type */
}

/* Whatever a name holds, the line is one line of printable UTF-8. */
static void fuzz_text(const char *text, struct json *json) {
    json_begin(json, text);
    json_text(json, text, text);
    json_enter(json, "list", '[');
    json_text(json, NULL, text);
    json_leave(json, ']');
    json_line(json);
    expect(json->length >= 2 && json->text[json->length - 1] == '\n');
    for (size_t i = 0; i + 1 < json->length; i++) expect((unsigned char)json->text[i] >= 0x20);
    expect(memchr(json->text, 0x7f, json->length) == NULL);
}

/* A file is read only where it has exactly the size that is wanted. */
static void fuzz_file(const uint8_t *data, size_t size) {
    char path[64];
    struct error error = {""};
    unsigned char read[256];
    size_t wanted = size == 0 ? 0 : data[0];
    int file = memfd_create("input", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    bool done = read_exactly(path, read, wanted, &error);
    expect(done == (wanted == size));
    expect(!done || memcmp(read, data, size) == 0);
    close(file);
}

static void fuzz_seeded(const uint8_t *data, size_t size) {
    static const char *const dtypes[] = {"float32", "float16", "float64", "int8", "uint16",
                                         "int64",   "bool",    "unknown"};
    if (size < 10) return;
    uint64_t seed;
    memcpy(&seed, data + 1, sizeof seed);
    size_t bytes = data[9];
    unsigned char *filled = malloc(bytes + 1);
    if (filled == NULL) return;
    filled[bytes] = 0x5a;
    seeded(seed, data[0] & 15, dtypes[data[0] >> 4 & 7], filled, bytes);
    expect(filled[bytes] == 0x5a);
    free(filled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    char *text = calloc(1, size + 1); /* of its own, so that reading beyond it is seen */
    if (text == NULL) return 0;
    memcpy(text, data + 1, size - 1);
    struct json json;
    json_open(&json, -1); /* every write fails, which the lines' text does not mind */
    switch (data[0] % 5) {
    case 0: fuzz_args(text, size); break;
    case 1: fuzz_cpus(text, &json); break;
    case 2: fuzz_text(text, &json); break;
    case 3: fuzz_file(data + 1, size - 1); break;
    default: fuzz_seeded(data + 1, size - 1);
    }
    json_free(&json);
    free(text);
    return 0;
}
