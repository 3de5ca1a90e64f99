/* jsonl_read.c: maps one line of JSON to the event columns, with Jansson.
**
** An integer that 64 bits can't hold is no reason to lose the line: it is then read once more with
** numbers as doubles. The tree lives until the next line, so text is handed out without copies.
*/
#include "jsonl_read.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "time.h"

static const char *const time_names[] = {"ts", "timestamp", "time", "createdAt"};

static const struct {
    int column;
    const char *name;
} aliases[] = {
    {TARN_EV_EVENT_TYPE, "eventType"},
    {TARN_EV_SCRIPT_NAME, "scriptName"},
    {TARN_EV_STATUS_CODE, "statusCode"},
    {TARN_EV_DURATION_MS, "durationMs"},
};

static json_t *parse(struct tarn_slice line, json_error_t *e) {
    size_t flags = JSON_ALLOW_NUL;
    json_t *root = json_loadb((const char *)line.data, line.len, flags, e);

    if (!root && json_error_code(e) == json_error_numeric_overflow)
        root = json_loadb((const char *)line.data, line.len, flags | JSON_DECODE_INT_AS_REAL, e);
    return root;
}

static int read_time(const json_t *v, int64_t *ms) {
    double r;

    if (json_is_string(v)) return tarn_time_parse(json_string_value(v), json_string_length(v), ms);
    if (json_is_integer(v)) {
        *ms = json_integer_value(v);
        return *ms >= TARN_TIME_MIN && *ms <= TARN_TIME_MAX ? 0 : -1;
    }
    if (json_is_real(v)) {
        r = floor(json_real_value(v));
        if (!(r >= (double)TARN_TIME_MIN && r <= (double)TARN_TIME_MAX)) return -1;
        *ms = (int64_t)r;
        return 0;
    }
    return -1;
}

static int find_time(const json_t *root, int64_t *ms) {
    size_t i;

    for (i = 0; i < sizeof time_names / sizeof time_names[0]; i++) {
        if (read_time(json_object_get(root, time_names[i]), ms) == 0) return 0;
    }
    return -1;
}

/* Takes v as column c when its type fits; 1 when it did. */
static int take(struct tarn_event *ev, int c, const json_t *v) {
    double r;

    if (tarn_event_is_text(c)) {
        if (!json_is_string(v)) return 0;
        ev->text[c].data = (const uint8_t *)json_string_value(v);
        ev->text[c].len = json_string_length(v);
        return 1;
    }
    if (c == TARN_EV_VERIFIED) {
        if (json_is_boolean(v))
            ev->verified = json_is_true(v);
        else if (json_is_integer(v) && (json_integer_value(v) == 0 || json_integer_value(v) == 1))
            ev->verified = (int)json_integer_value(v);
        else
            return 0;
        return 1;
    }
    if (!json_is_number(v)) return 0;
    r = json_number_value(v);
    if (c == TARN_EV_DURATION_MS) {
        ev->duration_ms = r;
        return 1;
    }
    if (!(r >= INT32_MIN && r <= INT32_MAX) || r < floor(r) || r > floor(r)) return 0;
    ev->status_code = (int32_t)r;
    return 1;
}

static void take_columns(struct tarn_event *ev, const json_t *root, uint32_t columns) {
    size_t i;
    int c;

    for (c = TARN_EV_TYPE; c < TARN_EV_PAYLOAD; c++) {
        if ((columns & TARN_EV_BIT(c)) && take(ev, c, json_object_get(root, tarn_event_names[c])))
            ev->present |= TARN_EV_BIT(c);
    }
    for (i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        c = aliases[i].column;
        if ((columns & ~ev->present & TARN_EV_BIT(c)) &&
            take(ev, c, json_object_get(root, aliases[i].name)))
            ev->present |= TARN_EV_BIT(c);
    }
}

int tarn_jsonl_read(struct tarn_jsonl_reader *r, struct tarn_slice line, uint32_t columns,
                    struct tarn_event *ev, struct tarn_err *err) {
    json_error_t e;
    json_t *root;

    memset(&e, 0, sizeof e);
    memset(ev, 0, sizeof *ev);
    tarn_jsonl_reader_release(r);
    root = parse(line, &e);
    if (!root && json_error_code(&e) == json_error_out_of_memory)
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (!root)
        return tarn_err_set(err, TARN_ECORRUPT, "expected a JSON object: %s (byte %d)", e.text,
                            e.position);
    r->root = root;
    if (!json_is_object(root))
        return tarn_err_set(err, TARN_ECORRUPT, "expected a JSON object, found another value");
    if (find_time(root, &ev->ts) != 0)
        return tarn_err_set(err, TARN_ECORRUPT,
                            "expected a time in ts, timestamp, time or "
                            "createdAt (ISO text or milliseconds), found none");
    ev->present = TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_PAYLOAD);
    ev->text[TARN_EV_PAYLOAD] = line;
    take_columns(ev, root, columns);
    return TARN_OK;
}

void tarn_jsonl_reader_release(struct tarn_jsonl_reader *r) {
    json_decref(r->root);
    r->root = NULL;
}
