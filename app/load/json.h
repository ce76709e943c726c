/** JSON written to a file, indented. Keys are NULL in arrays. Numbers that are none become null. */
#ifndef LOAD_JSON_H
#define LOAD_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 16

struct json {
    FILE *out;
    unsigned depth;
    bool has_item[JSON_DEPTH_MAX]; /* at each depth */
    bool is_inline;                /* the object now open stands on one line */
};

/** The whole is one object: begin with json_begin(json, NULL) and end with json_end. */
void json_begin(struct json *json, const char *key);
void json_end(struct json *json);
void json_begin_array(struct json *json, const char *key);
void json_end_array(struct json *json);
/** An object on one line, with nothing nested in it: a row of a table. */
void json_begin_row(struct json *json);
void json_end_row(struct json *json);

/** Bytes that are no UTF-8 become U+FFFD. */
void json_text(struct json *json, const char *key, const char *text);
void json_bool(struct json *json, const char *key, bool value);
void json_count(struct json *json, const char *key, uint64_t value);
/** To nine digits. */
void json_number(struct json *json, const char *key, double value);

#endif
