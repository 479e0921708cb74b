/* Holds --max-time where a function of a library does not return: a timer's signal then writes the
 * result's last lines and ends the process. Everything else ends by itself, see turns.h. */
#ifndef MIXNET_WATCH_H
#define MIXNET_WATCH_H

#include "run.h"

/* Before the others; the result is renamed from part. */
void watch_open(const struct run *run, const char *part);

/* From here to watch_end the process ends, with an error that names the file, when --max-time is
 * over: a library that is loaded cannot be interrupted. It is one timer, so these do not nest. */
void watch_loading(const struct run *run, const char *path);

/* The same 1 to 10 seconds later, for what ends by itself after the inference that is running. */
void watch_running(const struct run *run);
void watch_end(void);

/* The same once the result is whole: the process ends with its status. */
void watch_leaving(enum status status);

#endif
