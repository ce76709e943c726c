/* The file as libyaml sees it: where each path stands. libcyaml keeps no lines. */
#include <stdlib.h>

#include "config_priv.h"

unsigned config_node_line(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

void config_outline_free(struct config_outline *outline)
{
    yaml_document_delete(&outline->document);
    free(outline->text);
    memset(outline, 0, sizeof *outline);
}

yaml_node_t *config_outline_root(struct config_outline *outline)
{
    return yaml_document_get_root_node(&outline->document);
}

static const yaml_node_t *find_key(struct config_outline *outline, const yaml_node_t *node,
                                   const char *key, size_t key_len, unsigned *line)
{
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&outline->document, pair->key);
        if (name->type != YAML_SCALAR_NODE || name->data.scalar.length != key_len ||
            memcmp(name->data.scalar.value, key, key_len) != 0)
            continue;
        *line = config_node_line(name);
        return yaml_document_get_node(&outline->document, pair->value);
    }
    return NULL;
}

static const yaml_node_t *find_item(struct config_outline *outline, const yaml_node_t *node,
                                    unsigned long index, unsigned *line)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return NULL;
    yaml_node_item_t *item = node->data.sequence.items.start;
    if (index >= (unsigned long)(node->data.sequence.items.top - item))
        return NULL;
    const yaml_node_t *found = yaml_document_get_node(&outline->document, item[index]);
    *line = config_node_line(found);
    return found;
}

const yaml_node_t *config_outline_find(struct config_outline *outline, const char *path,
                                       unsigned *line)
{
    const yaml_node_t *node = config_outline_root(outline);
    *line = config_node_line(node);
    while (*path != '\0' && node != NULL) {
        if (*path == '[') {
            char *end;
            unsigned long index = strtoul(path + 1, &end, 10);
            node = find_item(outline, node, index, line);
            path = *end == ']' ? end + 1 : end;
        } else {
            path += *path == '.';
            size_t len = strcspn(path, ".[");
            node = find_key(outline, node, path, len, line);
            path += len;
        }
    }
    return node;
}
