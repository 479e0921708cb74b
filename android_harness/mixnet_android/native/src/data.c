#include "data.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Steele, Lea and Flood: Fast splittable pseudorandom number generators, OOPSLA 2014. */
uint64_t splitmix64(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static const struct element {
    const char *name;
    size_t bytes;
} ELEMENTS[] = {
    {"float32", 4}, {"float16", 2}, {"float64", 8}, {"int8", 1},  {"uint8", 1},  {"int16", 2},
    {"uint16", 2},  {"int32", 4},   {"uint32", 4},  {"int64", 8}, {"uint64", 8}, {"bool", 1},
};

size_t element_bytes(const char *dtype) {
    for (size_t i = 0; i < sizeof ELEMENTS / sizeof *ELEMENTS; i++) {
        if (strcmp(dtype, ELEMENTS[i].name) == 0) return ELEMENTS[i].bytes;
    }
    return 0;
}

/* IEEE 754 half of thousandths·2⁻¹⁰, where |thousandths| ≤ 1024: always exact. */
static uint16_t half(int thousandths) {
    unsigned magnitude = (unsigned)(thousandths < 0 ? -thousandths : thousandths);
    if (magnitude == 0) return 0;
    unsigned top = 31u - (unsigned)__builtin_clz(magnitude);
    unsigned bits = (top + 5) << 10 | (magnitude << (10 - top) & 0x3ff);
    return (uint16_t)(thousandths < 0 ? bits | 0x8000 : bits);
}

static void store(uint64_t x, const char *dtype, size_t size, unsigned char *to) {
    if (strcmp(dtype, "float32") == 0) {
        float value = (float)(x >> 40) * 0x1p-23f - 1;
        memcpy(to, &value, sizeof value);
    } else if (strcmp(dtype, "float64") == 0) {
        double value = (double)(x >> 40) * 0x1p-23 - 1;
        memcpy(to, &value, sizeof value);
    } else if (strcmp(dtype, "float16") == 0) {
        uint16_t value = half((int)(x >> 53) - 1024);
        memcpy(to, &value, sizeof value);
    } else if (size <= 2 && strcmp(dtype, "bool") != 0) {
        memcpy(to, &x, size); /* little-endian, as every machine is that this runs on */
    } else {
        x &= 1;
        memcpy(to, &x, size);
    }
}

void seeded(uint64_t seed, int input, const char *dtype, void *data, size_t bytes) {
    uint64_t state = seed + ((uint64_t)input << 32);
    size_t size = element_bytes(dtype);
    for (size_t at = 0; size > 0 && at + size <= bytes; at += size) {
        store(splitmix64(&state), dtype, size, (unsigned char *)data + at);
    }
}

int open_regular(const char *path, int flags, struct error *error) {
    struct stat status;
    int file = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0666);
    if (file < 0 && errno != ENXIO) { /* of a FIFO that nobody reads */
        fail(error, "cannot %s %.300s: %s", (flags & O_WRONLY) != 0 ? "write" : "open", path,
             strerror(errno));
        return -1;
    }
    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        fcntl(file, F_SETFL, flags & O_APPEND) == 0) {
        return file;
    }
    if (file >= 0) close(file);
    fail(error, "%.300s is not a regular file", path);
    return -1;
}

bool read_exactly(const char *path, void *data, size_t bytes, struct error *error) {
    struct stat status;
    int file = open_regular(path, O_RDONLY, error);
    if (file < 0) return false;
    if (fstat(file, &status) != 0 || (uint64_t)status.st_size != bytes) {
        close(file);
        return fail(error, "%.300s should be a file of %zu bytes", path, bytes);
    }
    size_t done = 0;
    while (done < bytes) {
        ssize_t count = read(file, (char *)data + done, bytes - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += (size_t)count;
    }
    close(file);
    return done == bytes || fail(error, "cannot read %.300s", path);
}

bool write_file(const char *path, const void *data, size_t bytes, struct error *error) {
    int file = open_regular(path, O_WRONLY | O_CREAT | O_TRUNC, error);
    if (file < 0) return false;
    size_t done = 0;
    int reason = 0;
    while (done < bytes) {
        ssize_t count = write(file, (const char *)data + done, bytes - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            reason = errno;
            break;
        }
        done += (size_t)count;
    }
    if (close(file) != 0 && done == bytes) {
        reason = errno;
        done = 0;
    }
    return done == bytes || fail(error, "cannot write %.300s: %s", path, strerror(reason));
}
