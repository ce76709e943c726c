/* The file as libyaml sees it: where each path stands, and what errors say of it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sl_yaml.h"

void sl_yaml_fail(struct sl_yaml_errors *errors, unsigned line, const char *format, ...)
{
    if (errors->is_set)
        return;
    errors->is_set = true;
    int used = snprintf(errors->text, errors->text_len, "%s:%u: ", errors->path, line);
    if (used < 0 || (size_t)used >= errors->text_len)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(errors->text + used, errors->text_len - (size_t)used, format, arguments);
    va_end(arguments);
    for (char *c = errors->text + used; *c != '\0'; c++) /* what is quoted keeps to the line */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

unsigned sl_yaml_line(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

void sl_yaml_unload(struct sl_yaml *yaml)
{
    yaml_document_delete(&yaml->document);
    free(yaml->text);
    memset(yaml, 0, sizeof *yaml);
}

yaml_node_t *sl_yaml_root(struct sl_yaml *yaml)
{
    return yaml_document_get_root_node(&yaml->document);
}

static const yaml_node_t *find_key(struct sl_yaml *yaml, const yaml_node_t *node, const char *key,
                                   size_t key_len, unsigned *line)
{
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&yaml->document, pair->key);
        if (name->type != YAML_SCALAR_NODE || name->data.scalar.length != key_len ||
            memcmp(name->data.scalar.value, key, key_len) != 0)
            continue;
        *line = sl_yaml_line(name);
        return yaml_document_get_node(&yaml->document, pair->value);
    }
    return NULL;
}

static const yaml_node_t *find_item(struct sl_yaml *yaml, const yaml_node_t *node,
                                    unsigned long index, unsigned *line)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return NULL;
    yaml_node_item_t *item = node->data.sequence.items.start;
    if (index >= (unsigned long)(node->data.sequence.items.top - item))
        return NULL;
    const yaml_node_t *found = yaml_document_get_node(&yaml->document, item[index]);
    *line = sl_yaml_line(found);
    return found;
}

const yaml_node_t *sl_yaml_find(struct sl_yaml *yaml, const char *path, unsigned *line)
{
    const yaml_node_t *node = sl_yaml_root(yaml);
    *line = sl_yaml_line(node);
    while (*path != '\0' && node != NULL) {
        if (*path == '[') {
            char *end;
            unsigned long index = strtoul(path + 1, &end, 10);
            node = find_item(yaml, node, index, line);
            path = *end == ']' ? end + 1 : end;
        } else {
            path += *path == '.';
            size_t len = strcspn(path, ".[");
            node = find_key(yaml, node, path, len, line);
            path += len;
        }
    }
    return node;
}
