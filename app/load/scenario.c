/* A scenario file: the options of plan_options, by group. */
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"
#include "sl_yaml.h"

#define FILE_MAX (1 << 20)
#define GROUPS_MAX 10
#define TEXT_MAX 4096

/** The schema that plan_options make: each group a mapping. */
struct shape {
    char names[GROUPS_MAX][32];
    cyaml_schema_field_t groups[GROUPS_MAX + 1];
    cyaml_schema_field_t keys[GROUPS_MAX][PLAN_OPTIONS_MAX + 1];
    cyaml_schema_value_t item; /* of a list */
    cyaml_schema_value_t root;
};

static unsigned find_group(struct shape *shape, const char *path)
{
    size_t len = strcspn(path, ".");
    unsigned g = 0;
    while (shape->names[g][0] != '\0' &&
           (strlen(shape->names[g]) != len || memcmp(shape->names[g], path, len) != 0))
        g++;
    assert(g < GROUPS_MAX && len < sizeof shape->names[g]);
    memcpy(shape->names[g], path, len);
    return g;
}

static void add_key(struct shape *shape, const struct plan_option *option)
{
    unsigned g = find_group(shape, option->path), k = 0;
    while (shape->keys[g][k].key != NULL)
        k++;
    cyaml_schema_field_t *field = &shape->keys[g][k];
    field->key = strchr(option->path, '.') + 1;
    field->value = shape->item;
    if (option->kind == VALUE_LIST) {
        field->value.type = CYAML_SEQUENCE;
        field->value.sequence.min = 1;
        field->value.sequence.max = VALUE_LIST_MAX;
        field->value.sequence.entry = &shape->item;
    } else if (option->kind == VALUE_SWITCH || option->kind == VALUE_SWITCH_OFF) {
        field->value.type = CYAML_BOOL;
    }
    shape->groups[g].key = shape->names[g];
    shape->groups[g].value.type = CYAML_MAPPING;
    shape->groups[g].value.flags = CYAML_FLAG_OPTIONAL;
    shape->groups[g].value.mapping.fields = shape->keys[g];
}

static void make_shape(struct shape *shape)
{
    memset(shape, 0, sizeof *shape);
    shape->item.type = CYAML_STRING;
    shape->item.flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER;
    shape->item.string.min = 1;
    shape->item.string.max = TEXT_MAX;
    for (unsigned i = 0; i < plan_option_count; i++)
        if (plan_options[i].path != NULL)
            add_key(shape, &plan_options[i]);
    shape->root.type = CYAML_MAPPING;
    shape->root.mapping.fields = shape->groups;
}

/** File names are meant relative to the scenario's folder. return a copy, or NULL. */
static char *resolve(const struct plan *plan, const struct plan_option *option, const char *text)
{
    const char *slash = strrchr(plan->file, '/');
    char *resolved = NULL;
    if (option->kind != VALUE_FILE || *text == '/' || slash == NULL)
        return strdup(text);
    return asprintf(&resolved, "%.*s/%s", (int)(slash - plan->file), plan->file, text) < 0
               ? NULL
               : resolved;
}

static bool set_value(struct plan *plan, const struct plan_option *option, const yaml_node_t *node,
                      struct sl_yaml_errors *errors)
{
    char reason[VALUE_REASON_LEN] = "no memory";
    char *text = resolve(plan, option, (const char *)node->data.scalar.value);
    bool is_set = text != NULL && plan_set(plan, option, text, sl_yaml_line(node), reason);
    free(text);
    if (!is_set)
        sl_yaml_fail(errors, sl_yaml_line(node), "'%s': %s", option->path, reason);
    return is_set;
}

static bool set_option(struct plan *plan, const struct plan_option *option, struct sl_yaml *yaml,
                       struct sl_yaml_errors *errors)
{
    unsigned line;
    char path[PLAN_PATH_MAX];
    if (option->kind != VALUE_LIST) {
        const yaml_node_t *node = sl_yaml_find(yaml, option->path, &line);
        return node == NULL || set_value(plan, option, node, errors);
    }
    for (unsigned i = 0; i < VALUE_LIST_MAX; i++) {
        snprintf(path, sizeof path, "%s[%u]", option->path, i);
        const yaml_node_t *node = sl_yaml_find(yaml, path, &line);
        if (node != NULL && !set_value(plan, option, node, errors))
            return false;
    }
    return true;
}

static bool set_all(struct plan *plan, struct sl_yaml *yaml, struct sl_yaml_errors *errors)
{
    struct shape *shape = malloc(sizeof *shape);
    if (shape == NULL) {
        sl_yaml_fail(errors, 1, "no memory");
        return false;
    }
    make_shape(shape);
    bool is_set = sl_yaml_check(yaml, &shape->root, errors);
    for (unsigned i = 0; is_set && i < plan_option_count; i++)
        if (plan_options[i].path != NULL)
            is_set = set_option(plan, &plan_options[i], yaml, errors);
    free(shape);
    return is_set;
}

bool plan_read_file(struct plan *plan, const char *path, char *error, size_t error_len)
{
    struct sl_yaml_errors errors = {
        .path = path, .what = "scenario", .text = error, .text_len = error_len};
    struct sl_yaml yaml;
    plan->file = strdup(path);
    if (plan->file == NULL) {
        sl_yaml_fail(&errors, 1, "no memory");
        return false;
    }
    if (!sl_yaml_load(&yaml, FILE_MAX, &errors))
        return false;
    bool is_set = set_all(plan, &yaml, &errors);
    sl_yaml_unload(&yaml);
    return is_set;
}
