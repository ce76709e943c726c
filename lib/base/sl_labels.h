/** What counters are called, from the X-macro list that their enum grows from: X(name, text). */
#ifndef SL_LABELS_H
#define SL_LABELS_H

#include <assert.h>
#include <stddef.h>

struct sl_label {
    const char *name, *text;
};
#define SL_LABEL(name, text) {#name, text},

/** Defines counter_name and counter_text, which give the two of one of enum counter. */
#define SL_DEFINE_LABELS(counter, list)                                                            \
    static const struct sl_label counter##_labels[] = {list(SL_LABEL)};                            \
    static const struct sl_label *counter##_label(enum counter which)                              \
    {                                                                                              \
        assert((size_t)which < sizeof counter##_labels / sizeof counter##_labels[0]);              \
        return &counter##_labels[which];                                                           \
    }                                                                                              \
    const char *counter##_name(enum counter which)                                                 \
    {                                                                                              \
        return counter##_label(which)->name;                                                       \
    }                                                                                              \
    const char *counter##_text(enum counter which)                                                 \
    {                                                                                              \
        return counter##_label(which)->text;                                                       \
    }

#endif
