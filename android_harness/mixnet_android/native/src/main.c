/* mixnet-runner: times network files with the runtime libraries it is given. See the README. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"
#include "watch.h"

/* A signal's handler can reach nothing but globals. */
static volatile sig_atomic_t signalled;

/* A second signal ends the process the hard way, should an inference hang. */
static void on_signal(int number) {
    signalled = 1;
    signal(number, SIG_DFL);
}

static void say(const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t count = write(STDERR_FILENO, text, length);
        if (count <= 0) return;
        text += count;
        length -= (size_t)count;
    }
}

static int complain(enum status status, const char *text) {
    say("mixnet-runner: ");
    say(text);
    say("\n");
    return (int)status;
}

/* The file that the lines go to: the result's name with .part, or stdout. Whatever the runtimes
 * print to stdout goes to stderr, so that it cannot come between the lines. */
static int open_result(const char *output, char *part, size_t room) {
    int file;
    part[0] = 0;
    if (output == NULL) {
        file = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    } else {
        int length = snprintf(part, room, "%s.part", output);
        if (length < 0 || (size_t)length >= room) return -1;
        struct stat old;
        if (stat(output, &old) == 0 && !S_ISREG(old.st_mode)) return -1; /* like /dev/null */
        if (unlink(output) != 0 && errno != ENOENT) return -1;
        struct error error;
        file = open_regular(part, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, &error);
    }
    if (file >= 0) dup2(STDERR_FILENO, STDOUT_FILENO);
    return file;
}

static int open_progress(const char *name) {
    if (name == NULL) return -1;
    if (strcmp(name, "-") == 0) return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    /* Not to wait for somebody to read a pipe, now or later. */
    return open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
}

static bool write_error(struct run *run) {
    json_begin(&run->json, "error");
    json_text(&run->json, "message", run->error.text);
    if (run->model >= 0) {
        json_whole(&run->json, "model", run->model);
    } else {
        json_null(&run->json, "model");
    }
    return json_line(&run->json);
}

static enum status write_end(struct run *run, bool done) {
    struct json *json = &run->json;
    enum status status = !done ? FAILED : run->stop.reason != NULL ? ENDED_EARLY : DONE;
    const char *reason = !done ? "failed" : status == DONE ? "complete" : run->stop.reason;
    if (!done) write_error(run);
    int64_t lines = json->lines;
    json_begin(json, "end");
    json_whole(json, "status", status);
    json_text(json, "reason", reason);
    json_whole(json, "t_ns", now_ns() - run->origin_ns);
    json_whole(json, "lines", lines);
    return json_line(json) ? status : CANNOT_WRITE;
}

/* The result appears under its name only when all of it is on the disk. */
static bool publish(int file, const char *part, const char *output) {
    if (output == NULL) return true;
    return fsync(file) == 0 && rename(part, output) == 0;
}

static enum status finish(struct run *run, bool done, const char *part) {
    enum status status = write_end(run, done);
    if (status != CANNOT_WRITE && !publish(run->json.fd, part, run->options->output)) {
        status = CANNOT_WRITE;
    }
    if (status == CANNOT_WRITE) complain(status, "the result cannot be written");
    if (status == FAILED) complain(status, run->error.text);
    if (status == ENDED_EARLY) complain(status, run->stop.reason);
    run_progress(run, "end", 1);
    return status;
}

static int job(const struct options *options, int argc, char **argv) {
    char part[4096];
    struct run *run = calloc(1, sizeof *run);
    int file = run == NULL ? -1 : open_result(options->output, part, sizeof part);
    if (file < 0) {
        free(run);
        return complain(CANNOT_WRITE, "the result cannot be opened for writing");
    }
    run->options = options;
    run->origin_ns = now_ns();
    run->frequencies.sysfs = options->sysfs;
    run->stop.signalled = &signalled;
    run->stop.file = options->stop_file;
    run->stop.deadline_ns = run->origin_ns + (int64_t)(options->max_time_s * 1e9);
    json_open(&run->json, file);
    json_open(&run->progress, open_progress(options->progress));
    watch_open(run, part);
    bool done = run_all(run, argc, argv);
    enum status status = finish(run, done, part);
    watch_leaving(status);
    if (run->progress.fd >= 0) close(run->progress.fd);
    run_close(run);
    close(file);
    free(run);
    return (int)status;
}

int main(int argc, char **argv) {
    struct options options;
    struct error error = {""};
    if (!parse_args(&options, argc, argv, &error)) return complain(WRONG_USE, error.text);
    if (options.help || options.version) {
        const char *text = options.help ? USAGE : "mixnet-runner " RUNNER_VERSION "\n";
        ssize_t count = write(STDOUT_FILENO, text, strlen(text));
        return count < 0 ? CANNOT_WRITE : DONE;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);
    return job(&options, argc, argv);
}
