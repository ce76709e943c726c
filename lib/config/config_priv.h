/** What the files of lib/config share. */
#ifndef CONFIG_PRIV_H
#define CONFIG_PRIV_H

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "sl_config.h"

#define CONFIG_FILE_MAX (1 << 20)
#define CONFIG_PATH_MAX 128
#define CONFIG_DEPTH_MAX 16

/** Where an error goes: "FILE:LINE: reason". The first one stays. */
struct config_errors {
    const char *path;
    char *text;
    size_t text_len;
    bool is_set;
};
void config_fail(struct config_errors *errors, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** schema.c: the one description of the file's shape. */
extern const cyaml_schema_value_t config_schema;

/** load.c, outline.c: the file as libyaml sees it; every node knows its line. */
struct config_outline {
    yaml_document_t document;
    uint8_t *text;
    size_t text_len;
};
bool config_outline_load(struct config_outline *outline, struct config_errors *errors);
void config_outline_free(struct config_outline *outline);
yaml_node_t *config_outline_root(struct config_outline *outline);
/** The node of "listeners[1].port", or NULL. *line: its own, or its nearest parent's that is there.
 */
const yaml_node_t *config_outline_find(struct config_outline *outline, const char *path,
                                       unsigned *line);
unsigned config_node_line(const yaml_node_t *node);

/** check.c: outline against schema: unknown, duplicate and missing keys, types. */
bool config_check_shape(struct config_outline *outline, struct config_errors *errors);

/** semantics.c: what is left out gets its default; ranges, and what one key says about another. */
void config_set_defaults(struct sl_config *config, struct config_outline *outline);
bool config_check_meaning(const struct sl_config *config, struct config_outline *outline,
                          struct config_errors *errors);

#endif
