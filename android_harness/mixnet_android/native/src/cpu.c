#include "cpu.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void cpus_add(struct cpus *cpus, int cpu) {
    if (cpu >= 0 && cpu < MOST_CPUS) cpus->bits[cpu / WORD_BITS] |= 1UL << cpu % WORD_BITS;
}

bool cpus_has(const struct cpus *cpus, int cpu) {
    return (cpus->bits[cpu / WORD_BITS] >> cpu % WORD_BITS & 1) != 0;
}

static bool number(const char **text, int *value) {
    int digits = 0;
    for (*value = 0; **text >= '0' && **text <= '9' && digits < 5; (*text)++, digits++) {
        *value = 10 * *value + (**text - '0');
    }
    return digits > 0 && *value < MOST_CPUS;
}

bool cpus_parse(struct cpus *cpus, const char *text) {
    memset(cpus, 0, sizeof *cpus);
    for (;;) {
        int first, last;
        if (!number(&text, &first)) return false;
        last = first;
        if (*text == '-') {
            text++;
            if (!number(&text, &last) || last < first) return false;
        }
        for (int cpu = first; cpu <= last; cpu++) cpus_add(cpus, cpu);
        if (*text != ',') break;
        text++;
    }
    return *text == 0;
}

void cpus_json(const struct cpus *cpus, struct json *json, const char *key) {
    json_enter(json, key, '[');
    for (int cpu = 0; cpu < MOST_CPUS; cpu++) {
        if (cpus_has(cpus, cpu)) json_whole(json, NULL, cpu);
    }
    json_leave(json, ']');
}

/* System calls instead of libc's functions, whose set type differs between libcs. */
bool affinity_get(struct cpus *cpus) {
    memset(cpus, 0, sizeof *cpus);
    return syscall(SYS_sched_getaffinity, 0, sizeof cpus->bits, cpus->bits) > 0;
}

bool affinity_set(const struct cpus *cpus) {
    return syscall(SYS_sched_setaffinity, 0, sizeof cpus->bits, cpus->bits) == 0;
}

static int open_frequency(const char *sysfs, int cpu) {
    char path[512];
    int length = snprintf(path, sizeof path,
                          "%s/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", sysfs, cpu);
    if (length < 0 || (size_t)length >= sizeof path) return -1;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return file < 0 ? -1 : file + 1;
}

int64_t frequency_khz(struct frequencies *frequencies, int cpu) {
    if (cpu < 0 || cpu >= MOST_CPUS) return 0;
    int *file = &frequencies->files[cpu];
    if (*file == 0) *file = open_frequency(frequencies->sysfs, cpu);
    if (*file < 0) return 0;
    char text[32];
    ssize_t length = pread(*file - 1, text, sizeof text - 1, 0);
    if (length <= 0) return 0;
    text[length] = 0;
    long long khz = strtoll(text, NULL, 10);
    return khz > 0 ? khz : 0;
}

void frequencies_close(struct frequencies *frequencies) {
    for (int cpu = 0; cpu < MOST_CPUS; cpu++) {
        if (frequencies->files[cpu] > 0) close(frequencies->files[cpu] - 1);
        frequencies->files[cpu] = 0;
    }
}
