/* What two files say differently: the files themselves are compared, so that no key is forgotten.
 */
#include "config_priv.h"

struct comparison {
    struct sl_yaml *a, *b;
};

static const yaml_node_t *node_at(struct sl_yaml *yaml, int index)
{
    return yaml_document_get_node(&yaml->document, index);
}

static bool is_same(const struct comparison *c, const yaml_node_t *a, const yaml_node_t *b);

static bool is_same_text(const yaml_node_t *a, const yaml_node_t *b)
{
    return a->data.scalar.length == b->data.scalar.length &&
           memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0;
}

static bool is_same_list(const struct comparison *c, const yaml_node_t *a, const yaml_node_t *b)
{
    const yaml_node_item_t *x = a->data.sequence.items.start, *y = b->data.sequence.items.start;
    if (a->data.sequence.items.top - x != b->data.sequence.items.top - y)
        return false;
    for (; x < a->data.sequence.items.top; x++, y++)
        if (!is_same(c, node_at(c->a, *x), node_at(c->b, *y)))
            return false;
    return true;
}

/** The value of the key that `name` is, in a mapping of `yaml`; NULL: it has none. */
static const yaml_node_t *value_of(struct sl_yaml *yaml, const yaml_node_t *mapping,
                                   const yaml_node_t *name)
{
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++)
        if (is_same_text(node_at(yaml, pair->key), name))
            return node_at(yaml, pair->value);
    return NULL;
}

static bool is_same_mapping(const struct comparison *c, const yaml_node_t *a, const yaml_node_t *b)
{
    const yaml_node_pair_t *pair = a->data.mapping.pairs.start, *end = a->data.mapping.pairs.top;
    if (end - pair != b->data.mapping.pairs.top - b->data.mapping.pairs.start)
        return false;
    for (; pair < end; pair++) {
        const yaml_node_t *other = value_of(c->b, b, node_at(c->a, pair->key));
        if (other == NULL || !is_same(c, node_at(c->a, pair->value), other))
            return false;
    }
    return true;
}

/** Keys are scalars, and nothing goes deep: the files have been checked against the schema. */
static bool is_same(const struct comparison *c, const yaml_node_t *a, const yaml_node_t *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == YAML_SEQUENCE_NODE)
        return is_same_list(c, a, b);
    if (a->type == YAML_MAPPING_NODE)
        return is_same_mapping(c, a, b);
    return is_same_text(a, b);
}

/** Those of `own` that `other` has not, or, when asked for, has otherwise. */
static unsigned add_keys(struct sl_yaml *own, struct sl_yaml *other, bool compares,
                         const char **keys, unsigned count, unsigned max)
{
    const struct comparison c = {own, other};
    const yaml_node_t *root = sl_yaml_root(own), *other_root = sl_yaml_root(other);
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = node_at(own, pair->key);
        const yaml_node_t *value = value_of(other, other_root, name);
        bool differs =
            value == NULL || (compares && !is_same(&c, node_at(own, pair->value), value));
        if (differs && count < max)
            keys[count++] = (const char *)name->data.scalar.value;
    }
    return count;
}

unsigned sl_config_differences(const struct sl_config *a, const struct sl_config *b,
                               const char **keys, unsigned max)
{
    unsigned count = add_keys(a->private_data, b->private_data, true, keys, 0, max);
    return add_keys(b->private_data, a->private_data, false, keys, count, max);
}
