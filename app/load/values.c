#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "values.h"

/** Engines count in thousandths of an event a second. */
#define RATE_MIN 0.001

static bool refuse(char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(char *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, VALUE_REASON_LEN, format, arguments);
    va_end(arguments);
    return false;
}

/** Digits with at most one point among them, and no sign; *end: what follows. */
static bool read_decimal(const char *text, double *value, const char **end)
{
    size_t whole = strspn(text, "0123456789");
    size_t len = whole;
    if (text[len] == '.')
        len += 1 + strspn(text + len + 1, "0123456789");
    if (whole == 0 || len > 40)
        return false;
    char digits[48] = "";
    memcpy(digits, text, len);
    *value = strtod(digits, NULL);
    *end = text + len;
    return true;
}

/** A decimal, and k for thousands or M for millions. */
static bool read_scaled(const char *text, double *value)
{
    const char *end;
    if (!read_decimal(text, value, &end))
        return false;
    if (strcmp(end, "k") == 0 || strcmp(end, "K") == 0)
        *value *= 1e3;
    else if (strcmp(end, "M") == 0)
        *value *= 1e6;
    else
        return *end == '\0';
    return true;
}

bool value_read_count(const char *text, uint32_t *count, char *reason)
{
    double value;
    if (!read_scaled(text, &value) || value != floor(value) || value < 1 || value > 1e9)
        return refuse(reason, "'%.64s' is no number from 1 to 1000M; such are 500, 20k, 1M", text);
    *count = (uint32_t)value;
    return true;
}

bool value_read_number(const char *text, uint64_t *number, char *reason)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 19 || text[len] != '\0')
        return refuse(reason, "'%.64s' is no whole number of at most 19 digits", text);
    *number = strtoull(text, NULL, 10);
    return true;
}

bool value_read_rate(const char *text, double *rate, char *reason)
{
    double value;
    if (!read_scaled(text, &value) || value <= 0 || value > 1e9)
        return refuse(reason, "'%.64s' is no rate; such are 500, 20k, 1.5M (a second)", text);
    if (value < RATE_MIN)
        return refuse(reason, "'%.64s' a second is too rare: one in a thousand seconds is least",
                      text);
    *rate = value;
    return true;
}

bool value_read_share(const char *text, double *share, char *reason)
{
    double value;
    const char *end;
    bool is_number = read_decimal(text, &value, &end);
    bool is_percent = is_number && strcmp(end, "%") == 0;
    if (is_percent)
        value /= 100;
    if (!is_number || (!is_percent && *end != '\0') || value > 1)
        return refuse(reason, "'%.64s' is no share of the whole; such are 1%% and 0.01", text);
    *share = value;
    return true;
}

/** return nanoseconds in the unit, or 0. */
static double unit_ns(const char *unit)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}};
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ns;
    return 0;
}

bool value_read_duration(const char *text, uint64_t *ns, char *reason)
{
    double value = 0;
    const char *unit;
    bool is_number = read_decimal(text, &value, &unit);
    double scale = is_number ? unit_ns(unit) : 0;
    if (scale == 0 && !(is_number && value == 0 && *unit == '\0'))
        return refuse(reason, "'%.64s' is no duration; such are 500ms, 10s, 2m, 1h", text);
    if (value * scale > 1000 * 3600e9)
        return refuse(reason, "'%.64s' is longer than 1000 hours", text);
    *ns = (uint64_t)(value * scale + 0.5);
    return true;
}

bool value_read_cycle(const char *text, struct value_cycle *cycle, char *reason)
{
    char active[64];
    const char *slash = strchr(text, '/');
    if (slash == NULL || (size_t)(slash - text) >= sizeof active)
        return refuse(reason, "'%.64s' is not ACTIVE/SILENT; such is 5s/20s", text);
    memcpy(active, text, (size_t)(slash - text));
    active[slash - text] = '\0';
    if (!value_read_duration(active, &cycle->active_ns, reason) ||
        !value_read_duration(slash + 1, &cycle->idle_ns, reason))
        return false;
    if (cycle->active_ns == 0 || cycle->idle_ns == 0)
        return refuse(reason, "both parts of '%.64s' have to be above 0", text);
    return true;
}

bool value_read_cid(const char *text, int *len, char *reason)
{
    uint64_t number = 0;
    if (strcmp(text, "none") == 0) {
        *len = -1;
        return true;
    }
    if (!value_read_number(text, &number, reason) || number > 20)
        return refuse(reason, "'%.64s' is no length of a connection ID: 0 to 20, or none", text);
    *len = (int)number;
    return true;
}

/** Six bytes in hexadecimal digits, colons between them. */
static bool read_mac(const char *text, uint8_t mac[SL_ETHER_ADDR_LEN])
{
    for (unsigned i = 0; i < SL_ETHER_ADDR_LEN; i++, text += 3) {
        char digits[3] = "";
        if (strspn(text, "0123456789abcdefABCDEF") != 2 ||
            text[2] != (i < SL_ETHER_ADDR_LEN - 1 ? ':' : '\0'))
            return false;
        memcpy(digits, text, 2);
        mac[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

bool value_read_hop(const char *text, struct value_hop *hop, char *reason)
{
    memset(hop, 0, sizeof *hop);
    hop->is_mac = read_mac(text, hop->mac);
    hop->is_ip = !hop->is_mac && value_read_ip(text, &hop->ip);
    return hop->is_mac || hop->is_ip ||
           refuse(reason, "'%.64s' is neither an IP nor a MAC address", text);
}

/** One of some words, as its number. */
static bool read_word(const char *text, const char *const *words, unsigned count, unsigned *number,
                      char *reason)
{
    for (*number = 0; *number < count; ++*number)
        if (strcmp(text, words[*number]) == 0)
            return true;
    return refuse(reason, "'%.64s' is none of %s, %s and %s", text, words[0], words[1], words[2]);
}

static bool read_driver(const char *text, enum value_driver *driver, char *reason)
{
    static const char *const words[] = {[VALUE_DRIVER_AUTO] = "auto",
                                        [VALUE_DRIVER_AF_XDP] = "af_xdp",
                                        [VALUE_DRIVER_AF_PACKET] = "af_packet"};
    unsigned number = 0;
    bool is_read = read_word(text, words, 3, &number, reason);
    *driver = is_read ? (enum value_driver)number : *driver;
    return is_read;
}

static bool read_capture(const char *text, enum value_capture *capture, char *reason)
{
    static const char *const words[] = {
        [VALUE_CAPTURE_ALL] = "all", [VALUE_CAPTURE_SENT] = "sent", [VALUE_CAPTURE_DATA] = "data"};
    unsigned number = 0;
    bool is_read = read_word(text, words, 3, &number, reason);
    *capture = is_read ? (enum value_capture)number : *capture;
    return is_read;
}

static bool read_switch(const char *text, bool *is_on, char *reason)
{
    static const char *const words[] = {"true", "yes", "on", "false", "no", "off"};
    for (unsigned i = 0; i < 6; i++)
        if (strcmp(text, words[i]) == 0) {
            *is_on = i < 3;
            return true;
        }
    return refuse(reason, "'%.64s' is neither true nor false", text);
}

static bool copy_text(const char *text, char **field, char *reason)
{
    char *copy = strdup(text);
    if (copy == NULL || *text == '\0') {
        free(copy);
        return refuse(reason, *text == '\0' ? "is empty" : "no memory");
    }
    free(*field);
    *field = copy;
    return true;
}

static bool add_item(const char *text, struct value_list *list, char *reason)
{
    if (list->count == VALUE_LIST_MAX)
        return refuse(reason, "more than %d of them", VALUE_LIST_MAX);
    list->items[list->count] = NULL;
    if (!copy_text(text, &list->items[list->count], reason))
        return false;
    list->count++;
    return true;
}

bool value_read(enum value_kind kind, const char *text, void *field, char *reason)
{
    switch (kind) {
    case VALUE_TEXT:
    case VALUE_FILE:
        return copy_text(text, field, reason);
    case VALUE_LIST:
        return add_item(text, field, reason);
    case VALUE_SWITCH:
    case VALUE_SWITCH_OFF:
        return read_switch(text, field, reason);
    case VALUE_COUNT:
        return value_read_count(text, field, reason);
    case VALUE_NUMBER:
        return value_read_number(text, field, reason);
    case VALUE_RATE:
        return value_read_rate(text, field, reason);
    case VALUE_SHARE:
        return value_read_share(text, field, reason);
    case VALUE_LENGTH:
        if (strcmp(text, "forever") == 0) {
            *(uint64_t *)field = VALUE_FOREVER;
            return true;
        }
        return value_read_duration(text, field, reason);
    case VALUE_DURATION:
        return value_read_duration(text, field, reason);
    case VALUE_SIZES:
        return sl_load_sizes_parse(field, text, reason) == 0;
    case VALUE_SOURCES:
        return value_read_sources(text, field, reason);
    case VALUE_CYCLE:
        return value_read_cycle(text, field, reason);
    case VALUE_CID:
        return value_read_cid(text, field, reason);
    case VALUE_HOP:
        return value_read_hop(text, field, reason);
    case VALUE_DRIVER:
        return read_driver(text, field, reason);
    case VALUE_CAPTURE:
        return read_capture(text, field, reason);
    }
    return false;
}

void value_free(enum value_kind kind, void *field)
{
    if (kind == VALUE_TEXT || kind == VALUE_FILE) {
        char **text = field;
        free(*text);
        *text = NULL;
    } else if (kind == VALUE_LIST) {
        struct value_list *list = field;
        for (unsigned i = 0; i < list->count; i++)
            free(list->items[i]);
        list->count = 0;
    }
}

static void write_list(struct json *json, const char *key, const struct value_list *list)
{
    if (list->count == 0)
        return;
    json_begin_array(json, key);
    for (unsigned i = 0; i < list->count; i++)
        json_text(json, NULL, list->items[i]);
    json_end_array(json);
}

void value_write_json(struct json *json, const char *key, enum value_kind kind, const void *field,
                      const char *text)
{
    switch (kind) {
    case VALUE_SWITCH:
    case VALUE_SWITCH_OFF:
        json_bool(json, key, *(const bool *)field);
        break;
    case VALUE_LIST:
        write_list(json, key, field);
        break;
    case VALUE_COUNT:
        json_count(json, key, *(const uint32_t *)field);
        break;
    case VALUE_NUMBER:
        json_count(json, key, *(const uint64_t *)field);
        break;
    case VALUE_RATE:
    case VALUE_SHARE:
        if (text != NULL)
            json_number(json, key, *(const double *)field);
        break;
    case VALUE_DURATION:
    case VALUE_LENGTH:
        if (*(const uint64_t *)field != VALUE_FOREVER) {
            json_number(json, key, (double)*(const uint64_t *)field / 1e9);
            break;
        }
        /* fall through */
    default:
        if (text != NULL)
            json_text(json, key, text);
    }
}
