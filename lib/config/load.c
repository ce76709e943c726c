/* The file, read and parsed within bounds. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_priv.h"

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

static void fail_yaml(const struct config_outline *outline, struct config_errors *errors,
                      const yaml_parser_t *parser)
{
    unsigned line = (unsigned)parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) { /* it knows the byte and not the line */
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < outline->text_len; i++)
            line += outline->text[i] == '\n';
    }
    config_fail(errors, line, "not YAML: %s",
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
    bool is_excess = *depth > CONFIG_DEPTH_MAX || *documents > 1;
    return is_excess ? (unsigned)event->start_mark.line + 1 : 0;
}

/** Before anything is built: libyaml's time grows with the square of the depth. */
static bool scan(struct config_outline *outline, struct config_errors *errors,
                 yaml_parser_t *parser)
{
    unsigned depth = 0, documents = 0, excess = 0;
    bool at_end = false;
    while (!at_end && excess == 0) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            fail_yaml(outline, errors, parser);
            return false;
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        excess = excess_line(&event, &depth, &documents);
        yaml_event_delete(&event);
    }
    if (excess != 0)
        config_fail(errors, excess, "%s",
                    documents > 1 ? "a second document; a configuration is one"
                                  : "lists and mappings nested too deep");
    return excess == 0;
}

/** Runs a step over the text with a parser of its own. */
static bool with_parser(struct config_outline *outline, struct config_errors *errors,
                        bool (*step)(struct config_outline *, struct config_errors *,
                                     yaml_parser_t *))
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        config_fail(errors, 1, "out of memory");
        return false;
    }
    yaml_parser_set_input_string(&parser, outline->text, outline->text_len);
    bool is_done = step(outline, errors, &parser);
    yaml_parser_delete(&parser);
    return is_done;
}

static bool build(struct config_outline *outline, struct config_errors *errors,
                  yaml_parser_t *parser)
{
    if (yaml_parser_load(parser, &outline->document))
        return true;
    fail_yaml(outline, errors, parser);
    return false;
}

bool config_outline_load(struct config_outline *outline, struct config_errors *errors)
{
    memset(outline, 0, sizeof *outline);
    if (!read_file(outline, errors))
        return false;
    if (!with_parser(outline, errors, scan) || !with_parser(outline, errors, build)) {
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
