/* event_mix.c: see event_mix.h. Whole numbers only (durations are hundredths of a millisecond until
** the last step), so that every compiler and C library makes the same events.
*/
#include "event_mix.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define URLS 10000

enum family { RPC, HTTP, CHANGE, TAIL, WEBHOOK, SOCKET, JOB, WEB };

static const struct kind {
    const char *type;
    enum family family;
    unsigned share; /* of 10,000 */
    const char *detail;
} kinds[20] = {
    {"rpc.call", RPC, 3500, NULL},
    {"http.request", HTTP, 1800, NULL},
    {"collection.update", CHANGE, 1100, "users"},
    {"tail.fetch", TAIL, 800, "fetch"},
    {"collection.insert", CHANGE, 640, "messages"},
    {"page.view", WEB, 520, NULL},
    {"ws.message", SOCKET, 420, NULL},
    {"queue.message", JOB, 310, NULL},
    {"webhook.github", WEBHOOK, 230, "github"},
    {"tail.scheduled", TAIL, 180, "scheduled"},
    {"collection.delete", CHANGE, 140, "sessions"},
    {"webhook.stripe", WEBHOOK, 110, "stripe"},
    {"alarm", JOB, 80, NULL},
    {"ws.connect", SOCKET, 56, NULL},
    {"ws.disconnect", SOCKET, 40, NULL},
    {"webhook.slack", WEBHOOK, 28, "slack"},
    {"cron.tick", JOB, 18, NULL},
    {"auth.login", WEB, 12, NULL},
    {"auth.failure", WEB, 8, NULL},
    {"audit.export", WEB, 8, NULL},
};

/* In order of how often they are called. */
static const char *const methods[30] = {
    "getState",   "sendMessage", "listMessages", "join",         "leave",      "setPresence",
    "getUser",    "updateUser",  "listRooms",    "createRoom",   "getRoom",    "markRead",
    "typing",     "search",      "upload",       "download",     "subscribe",  "unsubscribe",
    "react",      "pin",         "invite",       "kick",         "getHistory", "archive",
    "exportRoom", "setTopic",    "mute",         "createInvite", "rotateKey",  "purge"};
static const char *const classes[6] = {"ChatRoom", "User",  "Session",
                                       "Document", "Queue", "RateLimiter"};
static const char *const colos[12] = {"AMS", "IAD", "FRA", "SIN", "LHR", "SJC",
                                      "NRT", "CDG", "SYD", "GRU", "ORD", "BOM"};
static const char *const verbs[5] = {"GET", "GET", "GET", "POST", "PUT"};
static const char *const areas[8] = {"users",   "rooms", "messages", "documents",
                                     "billing", "files", "search",   "sessions"};
static const char *const actions[4] = {"push", "pull_request", "invoice.paid", "message"};
static const char *const scripts[5] = {"api-gateway", "chat-worker", "billing-worker",
                                       "image-resizer", "edge-auth"};

void mix_init(struct mix *m, uint64_t seed) {
    memset(m, 0, sizeof *m);
    m->state = seed;
}

uint64_t mix_random(struct mix *m) {
    uint64_t z = (m->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Eight numbers drawn in order. Arguments of one call are evaluated in an order of the compiler's
** choosing, so nothing below draws inside an argument list. */
struct draw {
    uint64_t r[8];
};

static struct draw draw(struct mix *m) {
    struct draw d;
    for (int i = 0; i < 8; i++)
        d.r[i] = mix_random(m);
    return d;
}

static unsigned below(uint64_t r, unsigned n) {
    return (unsigned)((r >> 32) * n >> 32);
}

/* A number in [0, n) where k turns up about 1/(k+1) as often as 0 does. */
static unsigned zipf(uint64_t r, unsigned n) {
    static uint64_t sums[URLS + 1]; /* sums[k]: weights of all before k; filled once a process */
    if (sums[1] == 0)
        for (unsigned k = 0; k < URLS; k++)
            sums[k + 1] = sums[k] + UINT64_C(1000000000) / (k + 1);
    uint64_t x = r % sums[n];
    unsigned lo = 0;
    unsigned hi = n;
    while (hi - lo > 1) {
        unsigned mid = lo + (hi - lo) / 2;
        if (sums[mid] <= x)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static void put(struct tarn_event *ev, enum tarn_event_column c, const char *text) {
    ev->text[c].data = (const uint8_t *)text;
    ev->text[c].len = strlen(text);
    ev->present |= TARN_EV_BIT(c);
}

static void put_url(struct mix *m, struct tarn_event *ev, uint64_t r) {
    unsigned k = zipf(r, URLS);
    snprintf(m->url, sizeof m->url, "https://api.example.com/v1/%s/%u", areas[k % 8], k);
    put(ev, TARN_EV_URL, m->url);
}

static void put_status(struct tarn_event *ev, uint64_t r) {
    static const int32_t rare[8] = {404, 404, 404, 401, 403, 429, 500, 503};
    unsigned x = below(r, 100);
    ev->status_code = x < 90 ? 200 : x < 95 ? 201 : rare[r & 7];
    ev->present |= TARN_EV_BIT(TARN_EV_STATUS_CODE);
}

/* Long-tailed: mostly near `base` hundredths of a ms, one in a hundred 20 times that. */
static unsigned put_duration(struct mix *m, struct tarn_event *ev, unsigned base) {
    struct draw d = draw(m);
    unsigned c = base / 4 + below(d.r[0], base) + below(d.r[1], 1 + below(d.r[2], 3 * base));
    if (below(d.r[3], 100) == 0) c *= 20;
    ev->duration_ms = c / 100.0;
    ev->present |= TARN_EV_BIT(TARN_EV_DURATION_MS);
    return c;
}

static void payload_do(struct mix *m, const struct tarn_event *ev, unsigned duration,
                       const char *rest) {
    struct draw d = draw(m);
    int ok = (ev->present & TARN_EV_BIT(TARN_EV_STATUS_CODE)) == 0 || ev->status_code < 400;
    snprintf(m->payload, sizeof m->payload,
             "{\"id\":\"evt_%016" PRIx64 "\",\"do\":{\"class\":\"%s\",\"id\":\"%016" PRIx64
             "\",\"colo\":\"%s\"},\"durationMs\":%u.%02u,\"success\":%s,"
             "\"requestId\":\"req_%08x\",%s}",
             d.r[0], classes[zipf(d.r[1], 6)], d.r[2] % 50021, colos[zipf(d.r[3], 12)],
             duration / 100, duration % 100, ok ? "true" : "false", (unsigned)(d.r[4] >> 32), rest);
}

static void fill_rpc(struct mix *m, struct tarn_event *ev) {
    char rest[128];
    struct draw d = draw(m);
    unsigned method = zipf(d.r[0], 30);
    put(ev, TARN_EV_METHOD, methods[method]);
    put_url(m, ev, d.r[1]);
    put_status(ev, d.r[2]);
    snprintf(rest, sizeof rest, "\"namespace\":\"prod\",\"attempt\":%d,\"bytesOut\":%u",
             below(d.r[3], 40) == 0 ? 2 : 1, below(d.r[4], 65536));
    payload_do(m, ev, put_duration(m, ev, 200 + method * 120), rest);
}

static void fill_http(struct mix *m, struct tarn_event *ev) {
    char rest[128];
    struct draw d = draw(m);
    put(ev, TARN_EV_METHOD, verbs[below(d.r[0], 5)]);
    put_url(m, ev, d.r[1]);
    put_status(ev, d.r[2]);
    snprintf(rest, sizeof rest, "\"ray\":\"%016" PRIx64 "\",\"cache\":\"%s\"", d.r[3],
             below(d.r[4], 3) == 0 ? "HIT" : "MISS");
    payload_do(m, ev, put_duration(m, ev, 900), rest);
}

static void fill_change(struct mix *m, const char *collection) {
    struct draw d = draw(m);
    snprintf(m->payload, sizeof m->payload,
             "{\"id\":\"evt_%016" PRIx64 "\",\"collection\":\"%s\",\"docId\":\"%s-%u\",\"do\":"
             "{\"class\":\"%s\",\"id\":\"%016" PRIx64 "\",\"colo\":\"%s\"},\"doc\":"
             "{\"version\":%u,\"status\":\"%s\",\"score\":%u}}",
             d.r[0], collection, collection, zipf(d.r[1], URLS), classes[zipf(d.r[2], 6)],
             d.r[3] % 50021, colos[zipf(d.r[4], 12)], below(d.r[5], 900),
             below(d.r[6], 4) != 0 ? "active" : "idle", below(d.r[7], 100000));
}

static void fill_tail(struct mix *m, struct tarn_event *ev, const char *event) {
    struct draw d = draw(m);
    unsigned x = below(d.r[0], 200);
    put(ev, TARN_EV_SCRIPT_NAME, scripts[zipf(d.r[1], 5)]);
    put(ev, TARN_EV_OUTCOME, x < 194 ? "ok" : x < 198 ? "exception" : "exceededCpu");
    unsigned wall = put_duration(m, ev, 350);
    snprintf(m->payload, sizeof m->payload,
             "{\"id\":\"evt_%016" PRIx64 "\",\"event\":\"%s\",\"cpuMs\":%u,\"wallMs\":%u.%02u,"
             "\"logs\":[],\"exceptions\":%d,\"scriptVersion\":\"v%" PRIu64 "\",\"tags\":[\"%s\"],"
             "\"requestId\":\"req_%016" PRIx64 "\"}",
             d.r[2], event, below(d.r[3], 50), wall / 100, wall % 100, x >= 194, d.r[4] % 7,
             colos[zipf(d.r[5], 12)], d.r[6]);
}

static void fill_webhook(struct mix *m, struct tarn_event *ev, const char *provider) {
    struct draw d = draw(m);
    put(ev, TARN_EV_PROVIDER, provider);
    put(ev, TARN_EV_EVENT_TYPE, actions[below(d.r[0], 4)]);
    ev->verified = below(d.r[1], 50) != 0;
    ev->present |= TARN_EV_BIT(TARN_EV_VERIFIED);
    put_url(m, ev, d.r[2]);
    snprintf(m->payload, sizeof m->payload,
             "{\"id\":\"evt_%016" PRIx64 "\",\"delivery\":\"%016" PRIx64 "\",\"sender\":"
             "\"user-%u\",\"repository\":\"acme/service-%u\",\"installation\":%u,"
             "\"signature\":\"sha256=%016" PRIx64 "\"}",
             d.r[3], d.r[4], zipf(d.r[5], 5000), zipf(d.r[6], 300), below(d.r[6], 100000), d.r[7]);
}

static void fill_other(struct mix *m, struct tarn_event *ev, enum family family) {
    char rest[160];
    struct draw d = draw(m);
    if (family == WEB) put_url(m, ev, d.r[0]);
    unsigned duration = family == JOB ? put_duration(m, ev, 1500) : 0;
    snprintf(rest, sizeof rest, "\"user\":\"user-%u\",\"session\":\"%016" PRIx64 "\",\"bytes\":%u",
             zipf(d.r[1], 5000), d.r[2], below(d.r[3], 65536));
    payload_do(m, ev, duration, rest);
}

void mix_event(struct mix *m, struct tarn_event *ev, int64_t ts) {
    struct draw d = draw(m);
    unsigned x = below(d.r[0], 10000);
    const struct kind *k = kinds;
    while (x >= k->share) {
        x -= k->share;
        k++;
    }
    memset(ev, 0, sizeof *ev);
    ev->ts = ts;
    ev->present = TARN_EV_BIT(TARN_EV_TS);
    put(ev, TARN_EV_TYPE, k->type);
    if (k->family != CHANGE && k->family != JOB)
        put(ev, TARN_EV_SOURCE, k->family == WEBHOOK ? "webhook" : scripts[zipf(d.r[1], 5)]);
    switch (k->family) {
    case RPC: fill_rpc(m, ev); break;
    case HTTP: fill_http(m, ev); break;
    case CHANGE: fill_change(m, k->detail); break;
    case TAIL: fill_tail(m, ev, k->detail); break;
    case WEBHOOK: fill_webhook(m, ev, k->detail); break;
    default: fill_other(m, ev, k->family); break;
    }
    put(ev, TARN_EV_PAYLOAD, m->payload);
}
