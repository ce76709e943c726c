#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

void *plan_field(struct plan *plan, const struct plan_option *option)
{
    return (char *)plan + option->offset;
}

const struct plan_option *plan_option_named(const char *name)
{
    for (unsigned i = 0; i < plan_option_count; i++)
        if (strcmp(plan_options[i].name, name) == 0)
            return &plan_options[i];
    return NULL;
}

bool plan_has(const struct plan *plan, const char *name)
{
    return plan->texts[plan_option_named(name) - plan_options] != NULL;
}

void plan_init(struct plan *plan)
{
    char reason[VALUE_REASON_LEN];
    memset(plan, 0, sizeof *plan);
    for (unsigned i = 0; i < plan_option_count; i++) {
        const struct plan_option *option = &plan_options[i];
        bool is_read = option->preset == NULL ||
                       value_read(option->kind, option->preset, plan_field(plan, option), reason);
        assert(is_read);
        (void)is_read;
    }
}

void plan_wipe(struct plan *plan)
{
    for (unsigned i = 0; i < plan_option_count; i++) {
        value_free(plan_options[i].kind, plan_field(plan, &plan_options[i]));
        free(plan->texts[i]);
    }
    free(plan->file);
    memset(plan, 0, sizeof *plan);
}

bool plan_set(struct plan *plan, const struct plan_option *option, const char *text, unsigned line,
              char *reason)
{
    size_t i = (size_t)(option - plan_options);
    bool is_by_flag = plan->texts[i] != NULL && plan->lines[i] == 0;
    if (line != 0 && is_by_flag)
        return true;
    if (!value_read(option->kind, text, plan_field(plan, option), reason))
        return false;
    char *copy = strdup(text);
    if (copy == NULL) {
        snprintf(reason, VALUE_REASON_LEN, "no memory");
        return false;
    }
    free(plan->texts[i]);
    plan->texts[i] = copy;
    plan->lines[i] = line;
    return true;
}
