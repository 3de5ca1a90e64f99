/* events_insert.c: INSERT INTO events: every value is checked here, once, before it can wait.
**
** What passes can be written to a file of the lake without another question, so a statement fails
** in the application's own transaction, never later in the flusher's. Messages name the column, the
** value found, what was expected and, where there is one, the way out. A refused value is
** SQLITE_CONSTRAINT, so INSERT OR IGNORE passes over it as over any other bad row.
*/
#include <errno.h>
#include <math.h>
#include <string.h>

#include "events.h"
#include "keys.h"
#include "result.h"
#include "text.h"
#include "time.h"
#include "txn.h"

static const char *const hidden_sources[TARN_COL_COUNT] = {
    [TARN_COL_GLOB] = "it only narrows what is read",
    [TARN_COL_FILENAME] = "the lake chooses it",
    [TARN_COL_EXTRA] = "it holds other writers' columns; put more values into payload",
    [TARN_COL_ID] = "it is payload $.id; put it there",
    [TARN_COL_CLASS] = "it is payload $.do.class; put it there",
    [TARN_COL_DO_ID] = "it is payload $.do.id; put it there",
    [TARN_COL_COLO] = "it is payload $.do.colo; put it there",
    [TARN_COL_SUCCESS] = "it is payload $.success; put it there",
    [TARN_COL_TS_HOUR] = "it is the hour of ts",
    [TARN_COL_TS_DAY] = "it is the day of ts",
};

static int bad(struct tarn_err *err, const char *column, sqlite3_value *v, const char *expected) {
    char shown[TARN_SHOWN];

    return tarn_err_set(err, TARN_EINVAL, "events.%s: %s; found %s", column, expected,
                        tarn_show_value(v, shown));
}

static int is_null(sqlite3_value *v) {
    return sqlite3_value_type(v) == SQLITE_NULL;
}

/* Text as UTF-8 without NUL; numbers as SQLite writes them. */
static int take_text(struct tarn_slice *out, const char *column, sqlite3_value *v,
                     struct tarn_err *err) {
    const uint8_t *s = NULL;
    const uint8_t *nul = NULL;
    size_t at = 0;

    if (sqlite3_value_type(v) == SQLITE_BLOB) {
        return bad(err, column, v, "expected text; CAST(x AS TEXT) if these bytes are text");
    }
    s = sqlite3_value_text(v);
    if (!s) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    out->data = s;
    out->len = (size_t)sqlite3_value_bytes(v);
    if (tarn_text_plain(s, out->len)) return TARN_OK;
    nul = out->len ? memchr(s, 0, out->len) : NULL;
    if (nul) {
        return tarn_err_set(err, TARN_EINVAL,
                            "events.%s: NUL byte at offset %zu; text can't hold one", column,
                            (size_t)(nul - s));
    }
    at = tarn_utf8_invalid(s, out->len);
    if (at != out->len) {
        return tarn_err_set(err, TARN_EINVAL,
                            "events.%s: the byte 0x%02x at offset %zu is not valid UTF-8", column,
                            s[at], at);
    }
    return TARN_OK;
}

static int take_time_text(int64_t *ms, sqlite3_value *v, struct tarn_err *err) {
    const char *s = (const char *)sqlite3_value_text(v);
    size_t n = s ? (size_t)sqlite3_value_bytes(v) : 0;
    size_t i = 0;

    if (!s) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (tarn_time_parse(s, n, ms) == 0) return TARN_OK;
    for (i = n > 0 && s[0] == '-'; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
    }
    if (n > 0 && i == n) {
        return bad(err, "ts", v,
                   "digits as text; epoch milliseconds are given as a number, without quotes");
    }
    return bad(err, "ts", v,
               "expected a time like '2026-02-02 14:30:00.123' or '2026-02-02T14:30:00Z', or epoch "
               "milliseconds");
}

static int take_ts(struct tarn_event *ev, const char *column, sqlite3_value *v,
                   struct tarn_err *err) {
    double r = 0;

    switch (sqlite3_value_type(v)) {
    case SQLITE_NULL: ev->ts = tarn_time_now(); break;
    case SQLITE_INTEGER: ev->ts = sqlite3_value_int64(v); break;
    case SQLITE_FLOAT:
        r = floor(sqlite3_value_double(v));
        if (!(r >= (double)TARN_TIME_MIN && r <= (double)TARN_TIME_MAX)) {
            return bad(err, column, v, "the years 0000 to 9999 in epoch milliseconds");
        }
        ev->ts = (int64_t)r;
        break;
    case SQLITE_TEXT:
        if (strcmp(column, "ts") != 0) return bad(err, column, v, "expected epoch milliseconds");
        if (take_time_text(&ev->ts, v, err)) return err->code;
        break;
    default: return bad(err, column, v, "expected a time");
    }
    if (ev->ts < TARN_TIME_MIN || ev->ts > TARN_TIME_MAX) {
        return bad(err, column, v, "the years 0000 to 9999 in epoch milliseconds");
    }
    return TARN_OK;
}

static int take_verified(struct tarn_event *ev, sqlite3_value *v, struct tarn_err *err) {
    static const char *const words[] = {"0", "1", "false", "true"};
    const char *s = NULL;
    int i;

    if (sqlite3_value_type(v) == SQLITE_TEXT) {
        s = (const char *)sqlite3_value_text(v);
        for (i = 0; s && i < 4; i++) {
            if (sqlite3_stricmp(s, words[i]) == 0) {
                ev->verified = i & 1;
                return TARN_OK;
            }
        }
    } else if (sqlite3_value_type(v) != SQLITE_BLOB) {
        double r = sqlite3_value_double(v);
        if (r == 0 || r == 1) {
            ev->verified = r == 1;
            return TARN_OK;
        }
    }
    return bad(err, "verified", v, "expected 0, 1, true or false");
}

static int take_status(struct tarn_event *ev, sqlite3_value *v, struct tarn_err *err) {
    int type = sqlite3_value_numeric_type(v);
    double r = sqlite3_value_double(v);

    if ((type == SQLITE_INTEGER || type == SQLITE_FLOAT) && r == floor(r) && r >= INT32_MIN &&
        r <= INT32_MAX) {
        ev->status_code = (int32_t)r;
        return TARN_OK;
    }
    return bad(err, "status_code", v, "expected an integer of 32 bits");
}

static int take_duration(struct tarn_event *ev, const char *column, sqlite3_value *v,
                         struct tarn_err *err) {
    int type = sqlite3_value_numeric_type(v);

    ev->duration_ms = sqlite3_value_double(v);
    if ((type == SQLITE_INTEGER || type == SQLITE_FLOAT) && isfinite(ev->duration_ms)) {
        return TARN_OK;
    }
    return bad(err, column, v, "expected a finite number of milliseconds");
}

static int take_payload(struct tarn_event *ev, sqlite3_value *v, struct tarn_err *err) {
    struct tarn_slice *p = &ev->text[TARN_EV_PAYLOAD];
    char shown[TARN_SHOWN];
    size_t at = 0;
    size_t from = 0;

    if (sqlite3_value_type(v) == SQLITE_BLOB) {
        return bad(err, "payload", v, "expected JSON text; json() makes it of a JSONB value");
    }
    p->data = sqlite3_value_text(v);
    if (!p->data) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    p->len = (size_t)sqlite3_value_bytes(v);
    if (tarn_json_check(p->data, p->len, &at) == 0) return TARN_OK;
    from = at > 12 ? at - 12 : 0;
    while (from > 0 && (p->data[from] & 0xC0) == 0x80)
        from--;
    return tarn_err_set(err, TARN_EINVAL,
                        "events.payload: not JSON at offset %zu of %zu%s%s; json_object(...) and "
                        "json_quote(...) write JSON",
                        at, p->len, from < p->len ? ", near " : "",
                        from < p->len
                            ? tarn_show_text((const char *)p->data + from, p->len - from, shown)
                            : ", where the text ends");
}

static int take_column(struct tarn_event *ev, int column, sqlite3_value *v, struct tarn_err *err) {
    int rc = TARN_OK;

    switch (column) {
    case TARN_EV_VERIFIED: rc = take_verified(ev, v, err); break;
    case TARN_EV_STATUS_CODE: rc = take_status(ev, v, err); break;
    case TARN_EV_DURATION_MS: rc = take_duration(ev, "duration_ms", v, err); break;
    case TARN_EV_PAYLOAD: rc = take_payload(ev, v, err); break;
    default: rc = take_text(&ev->text[column], tarn_event_names[column], v, err); break;
    }
    ev->present |= TARN_EV_BIT(column);
    return rc;
}

static int take_prefix(struct tarn_event *ev, const struct tarn_events_table *t, sqlite3_value *v,
                       struct tarn_err *err) {
    const char *s = NULL;

    if (tarn_value_text(v, "events.prefix", &s, err)) return err->code;
    if (s && tarn_prefix_check(s, strlen(s), err)) return err->code;
    if (!s) s = t->prefix ? t->prefix : tarn_settings_text(&t->conn->settings, TARN_SET_PREFIX);
    if (strcmp(s, "events") != 0) ev->prefix = (struct tarn_slice){(const uint8_t *)s, strlen(s)};
    s = t->namespace_ ? t->namespace_ : tarn_settings_text(&t->conn->settings, TARN_SET_NAMESPACE);
    if (*s) ev->namespace_ = (struct tarn_slice){(const uint8_t *)s, strlen(s)};
    return TARN_OK;
}

/* The hidden columns: three can be given, the others say where their value comes from. */
static int take_hidden(struct tarn_event *ev, const struct tarn_events_table *t, sqlite3_value **v,
                       struct tarn_err *err) {
    sqlite3_value *ms = v[TARN_COL_TS_MS];
    sqlite3_value *duration = v[TARN_COL_DURATION];
    int i;

    for (i = TARN_EV_COLUMNS; i < TARN_COL_COUNT; i++) {
        static const char *const names[] = {
            "glob",  "id",   "prefix",     "filename", "ts_ms",   "extra", "class",
            "do_id", "colo", "durationMs", "success",  "ts_hour", "ts_day"};
        if (!hidden_sources[i] || is_null(v[i])) continue;
        return tarn_err_set(err, TARN_EINVAL, "events.%s can't be inserted: %s",
                            names[i - TARN_EV_COLUMNS], hidden_sources[i]);
    }
    if (!is_null(ms) && !is_null(v[TARN_EV_TS])) {
        return tarn_err_set(err, TARN_EINVAL, "events: both ts and ts_ms are given; one is enough");
    }
    if (!is_null(duration) && !is_null(v[TARN_EV_DURATION_MS])) {
        return tarn_err_set(err, TARN_EINVAL,
                            "events: both duration_ms and durationMs are given; one is enough");
    }
    if (!is_null(duration)) {
        if (take_duration(ev, "durationMs", duration, err)) return err->code;
        ev->present |= TARN_EV_BIT(TARN_EV_DURATION_MS);
    }
    if (take_ts(ev, is_null(ms) ? "ts" : "ts_ms", is_null(ms) ? v[TARN_EV_TS] : ms, err)) {
        return err->code;
    }
    return take_prefix(ev, t, v[TARN_COL_PREFIX], err);
}

static int take_event(struct tarn_event *ev, const struct tarn_events_table *t, sqlite3_value **v,
                      struct tarn_err *err) {
    size_t size = 0;
    int i;

    memset(ev, 0, sizeof *ev);
    ev->present = TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_TYPE);
    if (take_hidden(ev, t, v, err)) return err->code;
    if (is_null(v[TARN_EV_TYPE])) {
        return tarn_err_set(err, TARN_EINVAL,
                            "events.type is required: a name like 'rpc.call' or 'user.created'");
    }
    for (i = TARN_EV_TYPE; i < TARN_EV_COLUMNS; i++) {
        if (is_null(v[i])) continue;
        if (take_column(ev, i, v[i], err)) return err->code;
        size += ev->text[i].len;
    }
    if (ev->text[TARN_EV_TYPE].len == 0) {
        return tarn_err_set(err, TARN_EINVAL,
                            "events.type is empty; expected a name like 'rpc.call'");
    }
    if (size > TARN_EVENT_MAX - 4096) {
        return tarn_err_set(err, TARN_EINVAL,
                            "events: this event has %zu bytes; one may have %u: keep large data "
                            "elsewhere and its address in the event",
                            size, TARN_EVENT_MAX - 4096);
    }
    return TARN_OK;
}

static int refuse(sqlite3_vtab *vtab, int code, const char *why) {
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("%s", why);
    return vtab->zErrMsg ? code : SQLITE_NOMEM;
}

/* A table over another lake only reads: its rows would wait in this database for that lake. */
static int check_lake(struct tarn_events_table *t, struct tarn_err *err) {
    struct tarn_lake *lake = NULL;
    int own = 0;
    int rc = TARN_OK;

    if (!t->uri) return TARN_OK;
    rc = tarn_events_lake(t, &lake, &own, err);
    if (rc || own) return rc;
    return tarn_err_set(err, TARN_EACCES,
                        "%s is read-only: it shows the lake %.80s, which is not this database's. "
                        "INSERT INTO events writes to this database's lake; tarn_open(uri) "
                        "changes which one that is",
                        t->name, t->uri);
}

int tarn_events_update(sqlite3_vtab *vtab, int argc, sqlite3_value **argv, sqlite3_int64 *rowid) {
    struct tarn_events_table *t = (struct tarn_events_table *)vtab;
    struct tarn_event ev;
    struct tarn_err err = {0};
    int rc = TARN_OK;

    if (argc == 1) {
        return refuse(vtab, SQLITE_READONLY, "events are immutable: DELETE is not possible");
    }
    if (!is_null(argv[0])) {
        return refuse(vtab, SQLITE_READONLY,
                      "events are immutable: UPDATE is not possible; INSERT an event that says "
                      "what changed");
    }
    if (!is_null(argv[1])) {
        return refuse(vtab, SQLITE_CONSTRAINT,
                      "events have no rowid of their own: leave it out of the INSERT");
    }
    rc = check_lake(t, &err);
    if (rc) return tarn_vtab_err(vtab, &err);
    rc = take_event(&ev, t, argv + 2, &err);
    if (rc == TARN_EINVAL) return refuse(vtab, SQLITE_CONSTRAINT, err.msg);
    if (rc == TARN_OK) rc = tarn_txn_event(t->conn, &ev, &err);
    *rowid = ++t->rowids;
    return rc ? tarn_vtab_err(vtab, &err) : SQLITE_OK;
}
