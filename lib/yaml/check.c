/* The yaml against the schema, so that each error has the line it is on. */
#include <errno.h>
#include <stdlib.h>

#include "sl_yaml.h"

struct check {
    struct sl_yaml *yaml;
    struct sl_yaml_errors *errors;
    unsigned nodes; /* looked at: an alias makes a node turn up again */
};

static bool check_value(struct check *c, const yaml_node_t *node, unsigned line,
                        const cyaml_schema_value_t *schema, const char *name);

static const char *scalar_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/** Letters to change, add or remove to get from one to the other; short words only. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64], n = (unsigned)strlen(b);
    if (n >= 64 || strlen(a) >= 64)
        return 64;
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            unsigned least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[n];
}

static void fail_unknown(struct check *c, unsigned line, const char *key,
                         const cyaml_schema_field_t *fields)
{
    const char *nearest = NULL;
    unsigned least = 4;
    for (const cyaml_schema_field_t *f = fields; f->key != NULL; f++) {
        unsigned d = distance(key, f->key);
        if (d < least && d < strlen(key) && d < strlen(f->key)) {
            least = d;
            nearest = f->key;
        }
    }
    if (nearest != NULL)
        sl_yaml_fail(c->errors, line, "unknown key '%s' (did you mean '%s'?)", key, nearest);
    else
        sl_yaml_fail(c->errors, line, "unknown key '%s'", key);
}

static const yaml_node_t *node_at(struct check *c, int index)
{
    return yaml_document_get_node(&c->yaml->document, index);
}

/** The key occurs earlier in the mapping: on which line, or 0. */
static unsigned earlier_line(struct check *c, const yaml_node_t *mapping,
                             const yaml_node_pair_t *before, const char *key)
{
    for (yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < before; p++) {
        const char *other = scalar_of(node_at(c, p->key));
        if (other != NULL && strcmp(other, key) == 0)
            return sl_yaml_line(node_at(c, p->key));
    }
    return 0;
}

static bool check_pair(struct check *c, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
                       const cyaml_schema_field_t *fields)
{
    const yaml_node_t *key_node = node_at(c, pair->key);
    const char *key = scalar_of(key_node);
    unsigned line = sl_yaml_line(key_node);
    if (key == NULL) {
        sl_yaml_fail(c->errors, line, "a key has to be a word");
        return false;
    }
    unsigned earlier = earlier_line(c, mapping, pair, key);
    if (earlier != 0) {
        sl_yaml_fail(c->errors, line, "duplicate key '%s' (first on line %u)", key, earlier);
        return false;
    }
    for (const cyaml_schema_field_t *f = fields; f->key != NULL; f++)
        if (strcmp(f->key, key) == 0)
            return check_value(c, node_at(c, pair->value), line, &f->value, key);
    fail_unknown(c, line, key, fields);
    return false;
}

static bool check_mapping(struct check *c, const yaml_node_t *node, unsigned line,
                          const cyaml_schema_field_t *fields, const char *name)
{
    if (node->type != YAML_MAPPING_NODE) {
        sl_yaml_fail(c->errors, line, "'%s' has to be a mapping of keys to values", name);
        return false;
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++)
        if (!check_pair(c, node, pair, fields))
            return false;
    for (const cyaml_schema_field_t *f = fields; f->key != NULL; f++) {
        if (f->value.flags & CYAML_FLAG_OPTIONAL)
            continue;
        if (earlier_line(c, node, node->data.mapping.pairs.top, f->key) == 0) {
            sl_yaml_fail(c->errors, sl_yaml_line(node), "missing key '%s'", f->key);
            return false;
        }
    }
    return true;
}

static bool check_sequence(struct check *c, const yaml_node_t *node, unsigned line,
                           const cyaml_schema_value_t *schema, const char *name)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        sl_yaml_fail(c->errors, line, "'%s' has to be a list", name);
        return false;
    }
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (count < schema->sequence.min || count > schema->sequence.max) {
        sl_yaml_fail(c->errors, line, "'%s' has %zu entries; %u to %u are possible", name, count,
                     (unsigned)schema->sequence.min, (unsigned)schema->sequence.max);
        return false;
    }
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        const yaml_node_t *entry = node_at(c, *item);
        if (!check_value(c, entry, sl_yaml_line(entry), schema->sequence.entry, name))
            return false;
    }
    return true;
}

/** A whole number, and one that the field of the struct holds. */
static bool check_number(struct check *c, const char *text, unsigned line,
                         const cyaml_schema_value_t *schema, const char *name)
{
    long long max = schema->data_size < sizeof(int32_t) ? UINT16_MAX : INT32_MAX;
    long long min = schema->type == CYAML_INT ? INT32_MIN : 0;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 0);
    if (*text == '\0' || *end != '\0' || strchr(text, ' ') != NULL) {
        sl_yaml_fail(c->errors, line, "'%s' has to be a number, not '%s'", name, text);
        return false;
    }
    if (errno != 0 || value < min || value > max) {
        sl_yaml_fail(c->errors, line, "'%s' is %s, which is out of range", name, text);
        return false;
    }
    return true;
}

static bool check_enum(struct check *c, const char *text, unsigned line,
                       const cyaml_schema_value_t *schema, const char *name)
{
    char allowed[128] = "";
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *known = schema->enumeration.strings[i].str;
        if (strcmp(known, text) == 0)
            return true;
        size_t used = strlen(allowed);
        snprintf(allowed + used, sizeof allowed - used, "%s%s", i > 0 ? ", " : "", known);
    }
    sl_yaml_fail(c->errors, line, "'%s' is '%s'; possible are: %s", name, text, allowed);
    return false;
}

static bool check_scalar(struct check *c, const yaml_node_t *node, unsigned line,
                         const cyaml_schema_value_t *schema, const char *name)
{
    static const char *const switches[] = {"true", "false", "yes", "no", "on", "off"};
    const char *text = scalar_of(node);
    if (text == NULL) {
        sl_yaml_fail(c->errors, line, "'%s' has to be a single value", name);
        return false;
    }
    if (strlen(text) != node->data.scalar.length) {
        sl_yaml_fail(c->errors, line, "'%s' has a zero byte in it", name);
        return false;
    }
    switch (schema->type) {
    case CYAML_INT:
    case CYAML_UINT:
        return check_number(c, text, line, schema, name);
    case CYAML_BOOL:
        for (unsigned i = 0; i < sizeof switches / sizeof switches[0]; i++)
            if (strcmp(text, switches[i]) == 0)
                return true;
        sl_yaml_fail(c->errors, line, "'%s' has to be true or false, not '%s'", name, text);
        return false;
    case CYAML_ENUM:
        return check_enum(c, text, line, schema, name);
    default:
        if (*text == '\0' || strlen(text) > schema->string.max) {
            sl_yaml_fail(c->errors, line, "'%s' has to be a text of 1 to %u characters", name,
                         (unsigned)schema->string.max);
            return false;
        }
        return true;
    }
}

static bool check_value(struct check *c, const yaml_node_t *node, unsigned line,
                        const cyaml_schema_value_t *schema, const char *name)
{
    size_t all = (size_t)(c->yaml->document.nodes.top - c->yaml->document.nodes.start);
    if (++c->nodes > all) {
        sl_yaml_fail(c->errors, line, "aliases are not supported");
        return false;
    }
    if (schema->type == CYAML_MAPPING)
        return check_mapping(c, node, line, schema->mapping.fields, name);
    if (schema->type == CYAML_SEQUENCE)
        return check_sequence(c, node, line, schema, name);
    return check_scalar(c, node, line, schema, name);
}

bool sl_yaml_check(struct sl_yaml *yaml, const cyaml_schema_value_t *schema,
                   struct sl_yaml_errors *errors)
{
    struct check c = {.yaml = yaml, .errors = errors};
    const yaml_node_t *root = sl_yaml_root(yaml);
    char name[64];
    snprintf(name, sizeof name, "the %s", errors->what);
    return check_value(&c, root, sl_yaml_line(root), schema, name);
}
