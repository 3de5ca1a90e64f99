/* schema_write.c: checks a column's types against LogicalTypes.md and writes its SchemaElement.
**
** ConvertedType stands beside LogicalType for readers that only know the older one; local times
** get it too, as the format demands. INTERVAL has only a ConvertedType. LIST, MAP and VARIANT are
** groups and not written.
*/
#include "schema_write.h"

#include <string.h>

#include "column_buffer.h"
#include "mem.h"
#include "text.h"

/* Numbers of the format: ConvertedType, and the fields of the union LogicalType. */
enum converted {
    CONVERTED_NONE = -1,
    UTF8 = 0,
    ENUM = 4,
    DECIMAL = 5,
    DATE = 6,
    TIME_MILLIS = 7,
    TIMESTAMP_MILLIS = 9,
    UINT_8 = 11,
    INT_8 = 15,
    JSON = 19,
    BSON = 20,
    INTERVAL = 21
};

static int log2_bytes(int bits) {
    return bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : bits == 64 ? 3 : -1;
}

static int converted_type(const struct tarn_logical_type *l) {
    switch (l->kind) {
    case TARN_LOGICAL_STRING: return UTF8;
    case TARN_LOGICAL_ENUM: return ENUM;
    case TARN_LOGICAL_JSON: return JSON;
    case TARN_LOGICAL_BSON: return BSON;
    case TARN_LOGICAL_DECIMAL: return DECIMAL;
    case TARN_LOGICAL_DATE: return DATE;
    case TARN_LOGICAL_TIME:
        return l->unit == TARN_UNIT_NS ? CONVERTED_NONE : TIME_MILLIS + (int)l->unit;
    case TARN_LOGICAL_TIMESTAMP:
        return l->unit == TARN_UNIT_NS ? CONVERTED_NONE : TIMESTAMP_MILLIS + (int)l->unit;
    case TARN_LOGICAL_INTEGER: return (l->is_signed ? INT_8 : UINT_8) + log2_bytes(l->bits);
    case TARN_LOGICAL_INTERVAL: return INTERVAL;
    default: return CONVERTED_NONE;
    }
}

/* 1 when the physical type carries the logical one. */
static int carries(const struct tarn_column_spec *c) {
    const struct tarn_logical_type *l = &c->logical;

    switch (l->kind) {
    case TARN_LOGICAL_NONE: return 1;
    case TARN_LOGICAL_STRING:
    case TARN_LOGICAL_ENUM:
    case TARN_LOGICAL_JSON:
    case TARN_LOGICAL_BSON:
    case TARN_LOGICAL_GEOMETRY:
    case TARN_LOGICAL_GEOGRAPHY: return c->physical == TARN_BYTE_ARRAY;
    case TARN_LOGICAL_UUID: return c->physical == TARN_FIXED && c->fixed_len == 16;
    case TARN_LOGICAL_INTERVAL: return c->physical == TARN_FIXED && c->fixed_len == 12;
    case TARN_LOGICAL_FLOAT16: return c->physical == TARN_FIXED && c->fixed_len == 2;
    case TARN_LOGICAL_DECIMAL:
        return l->precision >= 1 && l->scale >= 0 && l->scale <= l->precision &&
               ((c->physical == TARN_INT32 && l->precision <= 9) ||
                (c->physical == TARN_INT64 && l->precision <= 18) ||
                c->physical == TARN_BYTE_ARRAY || c->physical == TARN_FIXED);
    case TARN_LOGICAL_DATE: return c->physical == TARN_INT32;
    case TARN_LOGICAL_TIME:
        return (unsigned)l->unit <= TARN_UNIT_NS &&
               c->physical == (l->unit == TARN_UNIT_MS ? TARN_INT32 : TARN_INT64);
    case TARN_LOGICAL_TIMESTAMP:
        return (unsigned)l->unit <= TARN_UNIT_NS && c->physical == TARN_INT64;
    case TARN_LOGICAL_INTEGER:
        return log2_bytes(l->bits) >= 0 && c->physical == (l->bits == 64 ? TARN_INT64 : TARN_INT32);
    case TARN_LOGICAL_NULL: return c->repetition == TARN_OPTIONAL;
    default: return 0;
    }
}

static int check_column(const struct tarn_column_spec *c, int i, struct tarn_err *err) {
    if (!c->name) return tarn_err_set(err, TARN_EINVAL, "column %d has no name", i);
    if (tarn_utf8_invalid((const uint8_t *)c->name, strlen(c->name)) != strlen(c->name))
        return tarn_err_set(err, TARN_EINVAL, "the name of column %d is not UTF-8", i);
    if (c->repetition != TARN_REQUIRED && c->repetition != TARN_OPTIONAL)
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "column \"%s\": only REQUIRED and OPTIONAL columns are written",
                            c->name);
    if ((unsigned)c->physical > TARN_FIXED || c->physical == TARN_INT96)
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "column \"%s\": physical type %s is not written", c->name,
                            tarn_physical_name((int)c->physical));
    if (c->physical == TARN_FIXED && (c->fixed_len == 0 || c->fixed_len > INT16_MAX))
        return tarn_err_set(err, TARN_EINVAL, "column \"%s\": fixed length %lu is outside 1 to %d",
                            c->name, (unsigned long)c->fixed_len, INT16_MAX);
    if (!carries(c))
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "column \"%s\": %s does not carry the logical type %s (or its unit, "
                            "width or precision)",
                            c->name, tarn_physical_name((int)c->physical),
                            tarn_logical_name((int)c->logical.kind));
    return TARN_OK;
}

int tarn_schema_check(const struct tarn_column_spec *columns, int n, struct tarn_err *err) {
    if (n < 1 || n > INT16_MAX || !columns)
        return tarn_err_set(err, TARN_EINVAL, "a file has 1 to %d columns, not %d", INT16_MAX, n);
    for (int i = 0; i < n; i++) {
        int rc = check_column(&columns[i], i, err);

        if (rc) return rc;
        for (int k = 0; k < i; k++)
            if (strcmp(columns[k].name, columns[i].name) == 0)
                return tarn_err_set(err, TARN_EINVAL, "two columns (%d and %d) are named \"%s\"", k,
                                    i, columns[i].name);
    }
    return TARN_OK;
}

static void write_unit(struct tarn_tw *t, const struct tarn_logical_type *l) {
    tarn_tw_bool(t, 1, l->utc);
    tarn_tw_struct(t, 2);
    tarn_tw_empty(t, (int16_t)(l->unit + 1));
    tarn_tw_end(t);
}

/* The fields of the union's member. */
static void write_member(struct tarn_tw *t, const struct tarn_logical_type *l) {
    switch (l->kind) {
    case TARN_LOGICAL_DECIMAL:
        tarn_tw_i32(t, 1, l->scale);
        tarn_tw_i32(t, 2, l->precision);
        break;
    case TARN_LOGICAL_TIME:
    case TARN_LOGICAL_TIMESTAMP: write_unit(t, l); break;
    case TARN_LOGICAL_INTEGER:
        tarn_tw_i8(t, 1, (int8_t)l->bits);
        tarn_tw_bool(t, 2, l->is_signed);
        break;
    default: break;
    }
}

static void write_logical(struct tarn_tw *t, int16_t id, const struct tarn_logical_type *l) {
    static const int8_t members[] = {
        [TARN_LOGICAL_STRING] = 1,    [TARN_LOGICAL_ENUM] = 4,       [TARN_LOGICAL_DECIMAL] = 5,
        [TARN_LOGICAL_DATE] = 6,      [TARN_LOGICAL_TIME] = 7,       [TARN_LOGICAL_TIMESTAMP] = 8,
        [TARN_LOGICAL_INTEGER] = 10,  [TARN_LOGICAL_NULL] = 11,      [TARN_LOGICAL_JSON] = 12,
        [TARN_LOGICAL_BSON] = 13,     [TARN_LOGICAL_UUID] = 14,      [TARN_LOGICAL_FLOAT16] = 15,
        [TARN_LOGICAL_GEOMETRY] = 17, [TARN_LOGICAL_GEOGRAPHY] = 18, [TARN_LOGICAL_UNKNOWN] = 0};

    if (!members[l->kind]) return;
    tarn_tw_struct(t, id);
    tarn_tw_struct(t, members[l->kind]);
    write_member(t, l);
    tarn_tw_end(t);
    tarn_tw_end(t);
}

static void write_column(struct tarn_tw *t, const struct tarn_column_spec *c) {
    int converted = converted_type(&c->logical);

    tarn_tw_elem_struct(t);
    tarn_tw_i32(t, 1, (int32_t)c->physical);
    if (c->physical == TARN_FIXED) tarn_tw_i32(t, 2, (int32_t)c->fixed_len);
    tarn_tw_i32(t, 3, (int32_t)c->repetition);
    tarn_tw_str(t, 4, c->name);
    if (converted >= 0) tarn_tw_i32(t, 6, converted);
    if (c->logical.kind == TARN_LOGICAL_DECIMAL) {
        tarn_tw_i32(t, 7, c->logical.scale);
        tarn_tw_i32(t, 8, c->logical.precision);
    }
    write_logical(t, 10, &c->logical);
    tarn_tw_end(t);
}

void tarn_schema_write(struct tarn_tw *t, int16_t id, const struct tarn_colbuf *columns, int n) {
    tarn_tw_list(t, id, TARN_TW_STRUCT, (size_t)n + 1);
    tarn_tw_elem_struct(t);
    tarn_tw_str(t, 4, "schema");
    tarn_tw_i32(t, 5, n);
    tarn_tw_end(t);
    for (int i = 0; i < n; i++)
        write_column(t, &columns[i].spec);
}
