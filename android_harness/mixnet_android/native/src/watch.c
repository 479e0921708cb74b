#include "watch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* What ends by itself after an inference has as long again as --max-time for it, in seconds. */
static const double LEAST_GRACE = 1, MOST_GRACE = 10;

/* A signal's handler may allocate nothing: all texts are made before, but for two numbers. */
static struct {
    const struct run *run;
    const char *part;
    struct json lines; /* of the error and of the end, up to its numbers */
    struct error error;
    enum status status;
    int armed; /* whoever takes it, the handler or watch_end, goes on; the other one does not */
} watch;

static void put(int file, const char *text, size_t length) {
    while (length > 0) {
        ssize_t count = write(file, text, length);
        if (count <= 0) return;
        text += count;
        length -= (size_t)count;
    }
}

static void put_text(int file, const char *text) {
    put(file, text, strlen(text));
}

static void put_whole(int file, int64_t value) {
    char text[24];
    size_t at = sizeof text;
    do text[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    put(file, text + at, sizeof text - at);
}

static void write_last_lines(const struct run *run) {
    int file = run->json.fd;
    put(file, watch.lines.text, watch.lines.length);
    put_whole(file, run->json.lines + 1); /* and the error's */
    put_text(file, ", \"t_ns\": ");
    put_whole(file, now_ns() - run->origin_ns);
    put_text(file, "}\n");
    if (run->options->output != NULL && fsync(file) == 0) rename(watch.part, run->options->output);
    put_text(STDERR_FILENO, "mixnet-runner: ");
    put_text(STDERR_FILENO, watch.error.text);
    put_text(STDERR_FILENO, "\n");
}

static void on_alarm(int number) {
    (void)number;
    if (__atomic_exchange_n(&watch.armed, 0, __ATOMIC_SEQ_CST) == 0) return;
    if (watch.lines.length > 0) write_last_lines(watch.run);
    _exit((int)watch.status);
}

void watch_open(const struct run *run, const char *part) {
    watch.run = run;
    watch.part = part;
    json_open(&watch.lines, -1);
    signal(SIGALRM, on_alarm);
}

static double grace_s(const struct run *run) {
    double grace = run->options->max_time_s;
    return grace < LEAST_GRACE ? LEAST_GRACE : grace > MOST_GRACE ? MOST_GRACE : grace;
}

static void arm(double grace) {
    int64_t left = watch.run->stop.deadline_ns + (int64_t)(grace * 1e9) - now_ns();
    if (left < 1000000) left = 1000000; /* 0 would mean never */
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)(left / 1000000000),
                                           .tv_usec = (suseconds_t)(left / 1000 % 1000000)}};
    __atomic_store_n(&watch.armed, 1, __ATOMIC_SEQ_CST);
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* Make the lines of the error and of the end, up to the count of lines. */
static void make_lines(const struct run *run) {
    struct json *lines = &watch.lines;
    watch.status = FAILED;
    json_begin(lines, "error");
    json_text(lines, "message", watch.error.text);
    if (run->model >= 0) {
        json_whole(lines, "model", run->model);
    } else {
        json_null(lines, "model");
    }
    json_next(lines, "end");
    json_whole(lines, "status", FAILED);
    json_text(lines, "reason", "failed");
    json_key(lines, "lines");
}

void watch_loading(const struct run *run, const char *path) {
    fail(&watch.error, "%.300s was still being loaded when --max-time (%g s) was over", path,
         run->options->max_time_s);
    make_lines(run);
    arm(0);
}

void watch_running(const struct run *run) {
    const char *path = run->model < 0 ? "an inference" : run->options->models[run->model].path;
    fail(&watch.error, "%.300s was still running %g s after --max-time (%g s) was over", path,
         grace_s(run), run->options->max_time_s);
    make_lines(run);
    arm(grace_s(run));
}

void watch_leaving(enum status status) {
    json_free(&watch.lines);
    watch.status = status;
    arm(grace_s(watch.run));
}

void watch_end(void) {
    const struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    while (__atomic_exchange_n(&watch.armed, 0, __ATOMIC_SEQ_CST) == 0) pause(); /* it is ending */
}
