/* What /proc tells of this process: its threads and its memory. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cpu.h"

/* The beginning of a small file, with a 0 after it; empty where it cannot be read. */
static void read_text(const char *path, char *text, size_t room) {
    size_t length = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && length + 1 < room) {
        ssize_t count = read(file, text + length, room - 1 - length);
        if (count <= 0) break;
        length += (size_t)count;
    }
    if (file >= 0) close(file);
    text[length] = 0;
}

/* The rest of the line of /proc/.../status that begins with key; NULL where there is none. */
static char *status_line(char *text, const char *key) {
    char *found = text;
    while ((found = strstr(found, key)) != NULL) {
        if (found == text || found[-1] == '\n') break;
        found++;
    }
    if (found == NULL) return NULL;
    found += strlen(key);
    found += strspn(found, " \t");
    return found;
}

static void json_allowed(struct json *json, char *status) {
    struct cpus cpus;
    char *list = status_line(status, "Cpus_allowed_list:");
    if (list != NULL) {
        list[strcspn(list, "\n")] = 0;
        if (cpus_parse(&cpus, list)) {
            cpus_json(&cpus, json, "allowed");
            return;
        }
    }
    json_enter(json, "allowed", '[');
    json_leave(json, ']');
}

/* Of /proc/.../stat, after the name in parentheses, which may hold anything: fields 14 and 15 are
 * the user's and the system's ticks, 39 is the core it last ran on (proc_pid_stat(5)). */
static void json_stat(struct json *json, const char *stat) {
    const char *at = strrchr(stat, ')');
    long long ticks = 0;
    long long cpu = -1;
    for (int field = 3; at != NULL && field <= 39; field++) {
        at = strchr(at + 1, ' ');
        if (at == NULL) break;
        if (field == 14 || field == 15) ticks += strtoll(at, NULL, 10);
        if (field == 39) cpu = strtoll(at, NULL, 10);
    }
    /* Not sysconf(), whose numbers differ between libcs. */
    long long rate = (long long)getauxval(AT_CLKTCK);
    json_whole(json, "last_cpu", cpu);
    json_whole(json, "cpu_ms", rate > 0 ? ticks * 1000 / rate : 0);
}

/* Time that a thread was ready and had to wait for a core: the second number of its schedstat,
 * which not every kernel has. */
static void json_delay(struct json *json, const char *schedstat) {
    const char *second = strchr(schedstat, ' ');
    if (second == NULL) {
        json_null(json, "run_delay_ns");
    } else {
        json_whole(json, "run_delay_ns", strtoll(second, NULL, 10));
    }
}

static void json_thread(struct json *json, const char *tid) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", tid);
    read_text(path, text, sizeof text);
    if (text[0] == 0) return; /* it has ended since */
    text[strcspn(text, "\n")] = 0;
    json_enter(json, NULL, '{');
    json_whole(json, "tid", strtoll(tid, NULL, 10));
    json_text(json, "name", text);
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", tid);
    read_text(path, text, sizeof text);
    json_allowed(json, text);
    snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", tid);
    read_text(path, text, sizeof text);
    json_stat(json, text);
    snprintf(path, sizeof path, "/proc/self/task/%.20s/schedstat", tid);
    read_text(path, text, sizeof text);
    json_delay(json, text);
    json_leave(json, '}');
}

void threads_json(struct json *json, const char *key) {
    json_enter(json, key, '[');
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') json_thread(json, entry->d_name);
    }
    if (tasks != NULL) closedir(tasks);
    json_leave(json, ']');
}

void memory_json(struct json *json) {
    char text[4096];
    read_text("/proc/self/status", text, sizeof text);
    char *peak = status_line(text, "VmHWM:");
    char *now = status_line(text, "VmRSS:");
    json_whole(json, "peak_kb", peak == NULL ? 0 : strtoll(peak, NULL, 10));
    json_whole(json, "now_kb", now == NULL ? 0 : strtoll(now, NULL, 10));
}
