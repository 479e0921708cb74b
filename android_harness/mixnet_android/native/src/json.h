/* Writes JSON lines: each is built in memory and handed to the system in one write, so that a
 * reader of a growing file sees whole lines but for the last. */
#ifndef MIXNET_JSON_H
#define MIXNET_JSON_H

#include "base.h"

struct json {
    int fd;
    char *text;
    size_t length, room;
    int64_t lines;
    bool bare;   /* nothing stands before the next value in its list or object */
    bool failed; /* a line could not be written, or there was no memory for it */
};

void json_open(struct json *json, int fd);
void json_free(struct json *json);

/* A line: an object with a type; what json_line writes. */
void json_begin(struct json *json, const char *type);
bool json_line(struct json *json);

/* For text that is not written yet: another line after this one, and a key without its value. */
void json_next(struct json *json, const char *type);
void json_key(struct json *json, const char *key);

/* Values; key is NULL inside a list. */
void json_whole(struct json *json, const char *key, int64_t value);
void json_ms(struct json *json, const char *key, int64_t ns);
void json_real(struct json *json, const char *key, double value);
void json_text(struct json *json, const char *key, const char *value);
void json_null(struct json *json, const char *key);
void json_wholes(struct json *json, const char *key, const int64_t *values, size_t count);
void json_enter(struct json *json, const char *key, char bracket); /* '[' or '{' */
void json_leave(struct json *json, char bracket);                  /* ']' or '}' */

#endif
