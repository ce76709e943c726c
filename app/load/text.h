/** Numbers as people read them. Each call returns out, which has TEXT_LEN bytes. */
#ifndef LOAD_TEXT_H
#define LOAD_TEXT_H

#include <stdint.h>

#define TEXT_LEN 40

/** "1,234,567" */
char *text_count(char *out, uint64_t count);
/** The same, rounded; below 10 with one decimal. */
char *text_rate(char *out, double rate);
/** Three digits and the unit: "83.1 us", "1.20 ms", "4.00 s" */
char *text_ns(char *out, double ns);
/** "0.012 %"; a share above 0 is never shown as 0, and one below 1 never as 100. */
char *text_share(char *out, double share);

#endif
