/* Cores: which may be used, which is used, how fast it is; and what the threads did.
 *
 * Everything is read from the kernel as an ordinary user may; what cannot be read is told as
 * missing, never guessed. */
#ifndef MIXNET_CPU_H
#define MIXNET_CPU_H

#include "base.h"
#include "json.h"

enum { MOST_CPUS = 1024, WORD_BITS = 8 * sizeof(unsigned long) };

struct cpus {
    unsigned long bits[MOST_CPUS / WORD_BITS];
};

bool cpus_parse(struct cpus *cpus, const char *text); /* "0,2-3", as the kernel writes it too */
bool cpus_has(const struct cpus *cpus, int cpu);
void cpus_add(struct cpus *cpus, int cpu);
void cpus_json(const struct cpus *cpus, struct json *json, const char *key);

bool affinity_get(struct cpus *cpus);
bool affinity_set(const struct cpus *cpus);

/* Reads scaling_cur_freq; keeps the files open, since opening costs more than reading. */
struct frequencies {
    const char *sysfs;
    int files[MOST_CPUS]; /* 0 before the first try, -1 where there is none, else descriptor + 1 */
};

int64_t frequency_khz(struct frequencies *frequencies, int cpu); /* 0 where it cannot be read */
void frequencies_close(struct frequencies *frequencies);

void threads_json(struct json *json, const char *key);
void memory_json(struct json *json);

#endif
