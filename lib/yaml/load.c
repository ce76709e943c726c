/* The file, read and parsed within bounds. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sl_yaml.h"

static bool read_file(struct sl_yaml *yaml, size_t size_max, struct sl_yaml_errors *errors)
{
    struct stat info;
    int fd = open(errors->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        sl_yaml_fail(errors, 1, "can't read the %s: %s", errors->what, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size > size_max) {
        sl_yaml_fail(errors, 1, "not a file of at most %zu bytes", size_max);
        close(fd);
        return false;
    }
    yaml->text = malloc((size_t)info.st_size + 1);
    ssize_t got = yaml->text != NULL ? read(fd, yaml->text, (size_t)info.st_size) : -1;
    close(fd);
    if (got < 0) {
        sl_yaml_fail(errors, 1, "can't read the %s: %s", errors->what, strerror(errno));
        return false;
    }
    yaml->text_len = (size_t)got;
    return true;
}

static void fail_yaml(const struct sl_yaml *yaml, struct sl_yaml_errors *errors,
                      const yaml_parser_t *parser)
{
    unsigned line = (unsigned)parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) { /* it knows the byte and not the line */
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < yaml->text_len; i++)
            line += yaml->text[i] == '\n';
    }
    sl_yaml_fail(errors, line, "not YAML: %s",
                 parser->problem != NULL ? parser->problem : "unreadable");
}

/** The event's line when it goes too deep or begins a second document; else 0. */
static unsigned excess_line(const yaml_event_t *event, unsigned *depth, unsigned *documents)
{
    switch (event->type) {
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        ++*depth;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        --*depth;
        break;
    case YAML_DOCUMENT_START_EVENT:
        ++*documents;
        break;
    default:
        break;
    }
    bool is_excess = *depth > SL_YAML_DEPTH_MAX || *documents > 1;
    return is_excess ? (unsigned)event->start_mark.line + 1 : 0;
}

/** Before anything is built: libyaml's time grows with the square of the depth. */
static bool scan(struct sl_yaml *yaml, struct sl_yaml_errors *errors, yaml_parser_t *parser)
{
    unsigned depth = 0, documents = 0, excess = 0;
    bool at_end = false;
    while (!at_end && excess == 0) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            fail_yaml(yaml, errors, parser);
            return false;
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        excess = excess_line(&event, &depth, &documents);
        yaml_event_delete(&event);
    }
    if (excess != 0 && documents > 1)
        sl_yaml_fail(errors, excess, "a second document; a %s is one", errors->what);
    else if (excess != 0)
        sl_yaml_fail(errors, excess, "lists and mappings nested too deep");
    return excess == 0;
}

/** Runs a step over the text with a parser of its own. */
static bool with_parser(struct sl_yaml *yaml, struct sl_yaml_errors *errors,
                        bool (*step)(struct sl_yaml *, struct sl_yaml_errors *, yaml_parser_t *))
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        sl_yaml_fail(errors, 1, "out of memory");
        return false;
    }
    yaml_parser_set_input_string(&parser, yaml->text, yaml->text_len);
    bool is_done = step(yaml, errors, &parser);
    yaml_parser_delete(&parser);
    return is_done;
}

static bool build(struct sl_yaml *yaml, struct sl_yaml_errors *errors, yaml_parser_t *parser)
{
    if (yaml_parser_load(parser, &yaml->document))
        return true;
    fail_yaml(yaml, errors, parser);
    return false;
}

bool sl_yaml_load(struct sl_yaml *yaml, size_t size_max, struct sl_yaml_errors *errors)
{
    memset(yaml, 0, sizeof *yaml);
    if (!read_file(yaml, size_max, errors))
        return false;
    if (!with_parser(yaml, errors, scan) || !with_parser(yaml, errors, build)) {
        free(yaml->text);
        return false;
    }
    if (sl_yaml_root(yaml) == NULL) {
        sl_yaml_fail(errors, 1, "the file is empty");
        sl_yaml_unload(yaml);
        return false;
    }
    return true;
}
