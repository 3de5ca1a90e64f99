/* fuzz_json.c: any bytes as JSON and as text; Jansson is the second opinion.
**
** What Jansson accepts, we accept (not the reverse: it refuses large numbers and odd surrogates
** that RFC 8259 allows), up to the nesting where ours stops. It skips a NUL byte after a number, so
** bytes with a NUL are not shown to it.
*/
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "buf.h"
#include "text.h"

#define DEPTH 1000

static size_t brackets(const uint8_t *s, size_t n) {
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += s[i] == '[' || s[i] == '{';
    return count;
}

static void second_opinion(const uint8_t *data, size_t size, int ours) {
    json_t *theirs = NULL;

    if (size == 0 || memchr(data, 0, size)) return;
    theirs = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert(!theirs || ours == 0 || brackets(data, size) > DEPTH);
    json_decref(theirs);
}

static void round_trips(const uint8_t *data, size_t size, int is_utf8) {
    struct tarn_buf quoted = TARN_BUF_INIT(8 * size + 16);
    struct tarn_buf encoded = TARN_BUF_INIT(8 * size + 16);
    struct tarn_buf decoded = TARN_BUF_INIT(8 * size + 16);
    size_t where = 0;

    if (is_utf8) {
        tarn_json_quote(&quoted, (const char *)data, size);
        assert(quoted.rc == TARN_OK);
        assert(tarn_json_check(quoted.data, quoted.len, &where) == 0);
        second_opinion(quoted.data, quoted.len, 0);
    }
    tarn_percent_encode(&encoded, (const char *)data, size);
    assert(encoded.rc == TARN_OK);
    assert(tarn_percent_decode(&decoded, (const char *)encoded.data, encoded.len) == 0);
    assert(decoded.len == size && (size == 0 || memcmp(decoded.data, data, size) == 0));
    tarn_buf_clear(&decoded);
    (void)tarn_percent_decode(&decoded, (const char *)data, size);
    tarn_buf_release(&quoted);
    tarn_buf_release(&encoded);
    tarn_buf_release(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t where = size + 1;
    size_t invalid = tarn_utf8_invalid(data, size);
    int rc = tarn_json_check(data, size, &where);

    assert(invalid <= size);
    assert(rc == 0 || where <= size);
    assert(rc != 0 || invalid == size);
    second_opinion(data, size, rc);
    round_trips(data, size, invalid == size);
    return 0;
}
