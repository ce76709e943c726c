/** Events as lines on standard output. */
#ifndef PRINT_H
#define PRINT_H

#include "sluice.h"

/** For people: one line an event; bytes that are not printable ASCII as \xNN. */
void print_text(const struct sluice_event *event);
/** One JSON object a line, whatever bytes the payload has. */
void print_json(const struct sluice_event *event);

#endif
