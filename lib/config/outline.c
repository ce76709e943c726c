/* The file through libyaml alone: where each path stands. libcyaml keeps no lines. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_priv.h"

unsigned config_node_line(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

static bool read_file(struct config_outline *outline, struct config_errors *errors)
{
    struct stat info;
    int fd = open(errors->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        config_fail(errors, 1, "can't read the configuration: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!S_ISREG(info.st_mode) || info.st_size > CONFIG_FILE_MAX) {
        config_fail(errors, 1, "not a file of at most %d bytes", CONFIG_FILE_MAX);
        close(fd);
        return false;
    }
    outline->text = malloc((size_t)info.st_size + 1);
    ssize_t got = outline->text != NULL ? read(fd, outline->text, (size_t)info.st_size) : -1;
    close(fd);
    if (got < 0) {
        config_fail(errors, 1, "can't read the configuration: %s", strerror(errno));
        return false;
    }
    outline->text_len = (size_t)got;
    return true;
}

static bool parse(struct config_outline *outline, struct config_errors *errors)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        config_fail(errors, 1, "out of memory");
        return false;
    }
    yaml_parser_set_input_string(&parser, outline->text, outline->text_len);
    bool is_loaded = yaml_parser_load(&parser, &outline->document);
    if (!is_loaded)
        config_fail(errors, (unsigned)parser.problem_mark.line + 1, "not YAML: %s",
                    parser.problem != NULL ? parser.problem : "unreadable");
    yaml_parser_delete(&parser);
    return is_loaded;
}

bool config_outline_load(struct config_outline *outline, struct config_errors *errors)
{
    memset(outline, 0, sizeof *outline);
    if (!read_file(outline, errors))
        return false;
    if (!parse(outline, errors)) {
        free(outline->text);
        return false;
    }
    if (config_outline_root(outline) == NULL) {
        config_fail(errors, 1, "the file is empty");
        config_outline_free(outline);
        return false;
    }
    return true;
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
