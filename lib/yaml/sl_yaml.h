/**
 * YAML files: read within bounds, checked against a libcyaml schema, every error with the line it
 * is on, which libcyaml does not keep. What is checked here, libcyaml then reads without an error.
 */
#ifndef SL_YAML_H
#define SL_YAML_H

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "sl_base.h"

#define SL_YAML_DEPTH_MAX 16

/** Where an error goes: "FILE:LINE: reason", without control characters. The first one stays. */
struct sl_yaml_errors {
    const char *path;
    const char *what; /* the file is: "configuration" */
    char *text;       /* [text_len] */
    size_t text_len;
    bool is_set;
};
void sl_yaml_fail(struct sl_yaml_errors *errors, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The file as libyaml sees it; every node knows its line. */
struct sl_yaml {
    yaml_document_t document;
    uint8_t *text; /* [text_len] */
    size_t text_len;
};

/**
 * Reads errors->path: one document, nested at most SL_YAML_DEPTH_MAX deep, in a file of at most
 * size_max bytes. return whether it could; then sl_yaml_unload frees it.
 */
bool sl_yaml_load(struct sl_yaml *yaml, size_t size_max, struct sl_yaml_errors *errors) SL_MUST_USE;
void sl_yaml_unload(struct sl_yaml *yaml);

yaml_node_t *sl_yaml_root(struct sl_yaml *yaml);
/** The node of "listeners[1].port", or NULL. *line: its own, or its nearest parent's that is there.
 */
const yaml_node_t *sl_yaml_find(struct sl_yaml *yaml, const char *path, unsigned *line);
unsigned sl_yaml_line(const yaml_node_t *node);

/** Unknown, duplicate and missing keys, types, numbers that the schema's fields do not hold. */
bool sl_yaml_check(struct sl_yaml *yaml, const cyaml_schema_value_t *schema,
                   struct sl_yaml_errors *errors) SL_MUST_USE;

#endif
