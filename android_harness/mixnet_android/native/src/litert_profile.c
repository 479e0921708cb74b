/* Reads LiteRT's profiler, whose record has had several layouts. */
#include <stdlib.h>
#include <string.h>

#include "litert.h"

/* Of ProfiledEventData: tag, type, start and elapsed, then two MemoryUsages whose size changed
 * between versions, then two numbers and the source. All but tag and source are plain. */
enum { START_AT = 16, ELAPSED_AT = 24, MEMORY_AT = 32, RECORD_WITHOUT_MEMORY = 56 };
static const size_t MEMORY_BYTES[] = {24, 16, 32};

static bool check(const char *what, int status, struct error *error) {
    return status == 0 || fail(error, "LiteRt%s failed with status %d", what, status);
}

static uint64_t number(const unsigned char *record, size_t at) {
    uint64_t value;
    memcpy(&value, record + at, sizeof value);
    return value;
}

static uint32_t small(const unsigned char *record, size_t at) {
    uint32_t value;
    memcpy(&value, record + at, sizeof value);
    return value;
}

/* A layout fits when every record's type is one bit of nine and its source one of three. */
static bool fits(const unsigned char *records, int count, size_t memory) {
    size_t size = RECORD_WITHOUT_MEMORY + 2 * memory;
    for (int i = 0; i < count; i++) {
        const unsigned char *record = records + (size_t)i * size;
        uint32_t type = small(record, 8);
        if (type == 0 || type > 256 || (type & (type - 1)) != 0) return false;
        if (small(record, size - 8) > 2) return false;
    }
    return true;
}

static void event_json(const unsigned char *record, size_t memory, struct json *json) {
    const char *tag;
    memcpy(&tag, record, sizeof tag);
    json_enter(json, NULL, '[');
    json_text(json, NULL, tag == NULL ? "" : tag);
    json_whole(json, NULL, small(record, 8));
    json_whole(json, NULL, (int64_t)(number(record, MEMORY_AT + 2 * memory) & INT64_MAX));
    json_whole(json, NULL, (int64_t)(number(record, ELAPSED_AT) & INT64_MAX));
    json_leave(json, ']');
}

static bool records_json(const unsigned char *records, int count, struct json *json,
                         struct error *error) {
    for (size_t i = 0; i < sizeof MEMORY_BYTES / sizeof *MEMORY_BYTES; i++) {
        size_t memory = MEMORY_BYTES[i];
        if (!fits(records, count, memory)) continue;
        json_enter(json, "events", '[');
        for (int event = 0; event < count; event++) {
            size_t size = RECORD_WITHOUT_MEMORY + 2 * memory;
            event_json(records + (size_t)event * size, memory, json);
        }
        json_leave(json, ']');
        return true;
    }
    return fail(error, "the profiler's records have a layout unknown here");
}

bool litert_start_profile(struct model *model, struct error *error) {
    struct litert_model *state = model->state;
    /* Forgetting also stops it. */
    return check("ResetProfiler", LITERT_CALL(state->api, ResetProfiler)(state->profiler), error) &&
           check("StartProfiler", LITERT_CALL(state->api, StartProfiler)(state->profiler), error);
}

bool litert_events_json(struct model *model, struct json *json, struct error *error) {
    struct litert_model *state = model->state;
    int count = 0;
    if (!check("GetNumProfilerEvents",
               LITERT_CALL(state->api, GetNumProfilerEvents)(state->profiler, &count), error)) {
        return false;
    }
    if (count <= 0 || count > MOST_EVENTS) return fail(error, "it recorded %d events", count);
    size_t largest = RECORD_WITHOUT_MEMORY + 2 * 32;
    unsigned char *records = calloc((size_t)count, largest);
    if (records == NULL) return fail(error, "no memory");
    bool done =
        check("GetProfilerEvents",
              LITERT_CALL(state->api, GetProfilerEvents)(state->profiler, count, records), error) &&
        records_json(records, count, json, error);
    free(records);
    return done;
}
