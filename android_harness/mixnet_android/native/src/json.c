#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void json_open(struct json *json, int fd) {
    memset(json, 0, sizeof *json);
    json->fd = fd;
}

void json_free(struct json *json) {
    free(json->text);
    json->text = NULL;
    json->length = json->room = 0;
}

static void put(struct json *json, const char *text, size_t length) {
    if (json->length + length > json->room) {
        size_t room = 2 * (json->length + length) + 256;
        char *grown = realloc(json->text, room);
        if (grown == NULL) {
            json->failed = true;
            return;
        }
        json->text = grown;
        json->room = room;
    }
    memcpy(json->text + json->length, text, length);
    json->length += length;
}

static void put_text(struct json *json, const char *text) {
    put(json, text, strlen(text));
}

/* Bytes of the UTF-8 character at text, or 0 where there is none. */
static size_t character(const unsigned char *text) {
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80) return 1;
    size_t length = text[0] >= 0xf8 ? 0 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc0 || length == 0) return 0;
    unsigned code = text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0; /* the terminating 0 too */
        code = code << 6 | (text[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

static void put_quoted(struct json *json, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    put(json, "\"", 1);
    while (*at != 0) {
        size_t length = character(at);
        char escaped[8];
        if (length == 0) {
            put_text(json, "\\ufffd");
        } else if (*at < 0x20 || *at == 0x7f || *at == '"' || *at == '\\') {
            snprintf(escaped, sizeof escaped, "\\u%04x", *at);
            put_text(json, escaped);
        } else {
            put(json, (const char *)at, length);
        }
        at += length == 0 ? 1 : length;
    }
    put(json, "\"", 1);
}

static void begin_value(struct json *json, const char *key) {
    if (!json->bare) put(json, ", ", 2);
    json->bare = false;
    if (key != NULL) {
        put_quoted(json, key);
        put(json, ": ", 2);
    }
}

static void begin_line(struct json *json, const char *type) {
    put(json, "{", 1);
    json->bare = true;
    json_text(json, "type", type);
}

void json_begin(struct json *json, const char *type) {
    json->length = 0;
    begin_line(json, type);
}

void json_next(struct json *json, const char *type) {
    put(json, "}\n", 2);
    begin_line(json, type);
}

void json_key(struct json *json, const char *key) {
    begin_value(json, key);
}

bool json_line(struct json *json) {
    put(json, "}\n", 2);
    size_t written = 0;
    while (!json->failed && written < json->length) {
        ssize_t count = write(json->fd, json->text + written, json->length - written);
        if (count > 0) {
            written += (size_t)count;
        } else if (count == 0 || errno != EINTR) {
            json->failed = true;
        }
    }
    json->lines++;
    return !json->failed;
}

void json_whole(struct json *json, const char *key, int64_t value) {
    char digits[24];
    begin_value(json, key);
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    put_text(json, digits);
}

void json_real(struct json *json, const char *key, double value) {
    char digits[32];
    begin_value(json, key);
    snprintf(digits, sizeof digits, "%.6f", value);
    put_text(json, digits);
}

void json_ms(struct json *json, const char *key, int64_t ns) {
    json_real(json, key, (double)ns / 1e6);
}

void json_text(struct json *json, const char *key, const char *value) {
    begin_value(json, key);
    put_quoted(json, value);
}

void json_null(struct json *json, const char *key) {
    begin_value(json, key);
    put_text(json, "null");
}

void json_wholes(struct json *json, const char *key, const int64_t *values, size_t count) {
    json_enter(json, key, '[');
    for (size_t i = 0; i < count; i++) json_whole(json, NULL, values[i]);
    json_leave(json, ']');
}

void json_enter(struct json *json, const char *key, char bracket) {
    begin_value(json, key);
    put(json, &bracket, 1);
    json->bare = true;
}

void json_leave(struct json *json, char bracket) {
    put(json, &bracket, 1);
    json->bare = false;
}
