#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "json.h"

/** What stands before an item: the comma, the line's begin, the key. */
static void begin_item(struct json *json, const char *key)
{
    if (json->has_item[json->depth])
        fputs(json->is_inline ? ", " : ",", json->out);
    json->has_item[json->depth] = true;
    if (json->depth > 0 && !json->is_inline)
        fprintf(json->out, "\n%*s", 2 * (int)json->depth, "");
    if (key != NULL)
        fprintf(json->out, "\"%s\": ", key);
}

static void open_level(struct json *json, const char *key, char bracket)
{
    assert(json->depth + 1 < JSON_DEPTH_MAX && !json->is_inline);
    begin_item(json, key);
    fputc(bracket, json->out);
    json->has_item[++json->depth] = false;
}

static void close_level(struct json *json, char bracket)
{
    assert(json->depth > 0);
    bool had_item = json->has_item[json->depth--];
    if (had_item && !json->is_inline)
        fprintf(json->out, "\n%*s", 2 * (int)json->depth, "");
    fputc(bracket, json->out);
    if (json->depth == 0)
        fputc('\n', json->out);
}

void json_begin(struct json *json, const char *key)
{
    open_level(json, key, '{');
}

void json_end(struct json *json)
{
    close_level(json, '}');
}

void json_begin_array(struct json *json, const char *key)
{
    open_level(json, key, '[');
}

void json_end_array(struct json *json)
{
    close_level(json, ']');
}

void json_begin_row(struct json *json)
{
    open_level(json, NULL, '{');
    json->is_inline = true;
}

void json_end_row(struct json *json)
{
    close_level(json, '}');
    json->is_inline = false;
}

/** return the bytes of the UTF-8 character at text, or 0 when it is none. RFC 3629 4. */
static unsigned utf8_len(const unsigned char *text)
{
    if (text[0] < 0x80)
        return 1;
    unsigned len = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    for (unsigned i = 1; i < len; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool is_too_long = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool is_surrogate = text[0] == 0xed && text[1] > 0x9f;
    bool is_beyond = text[0] == 0xf4 && text[1] > 0x8f;
    return is_too_long || is_surrogate || is_beyond ? 0 : len;
}

void json_text(struct json *json, const char *key, const char *text)
{
    begin_item(json, key);
    fputc('"', json->out);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
        unsigned len = utf8_len(c);
        if (len == 0)
            fputs("\\ufffd", json->out);
        else if (*c == '"' || *c == '\\')
            fprintf(json->out, "\\%c", *c);
        else if (*c < ' ' || *c == 0x7f)
            fprintf(json->out, "\\u%04x", *c);
        else
            fwrite(c, 1, len, json->out);
        c += len == 0 ? 1 : len;
    }
    fputc('"', json->out);
}

void json_bool(struct json *json, const char *key, bool value)
{
    begin_item(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_count(struct json *json, const char *key, uint64_t value)
{
    begin_item(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void json_number(struct json *json, const char *key, double value)
{
    begin_item(json, key);
    if (isfinite(value))
        fprintf(json->out, "%.9g", value);
    else
        fputs("null", json->out);
}
