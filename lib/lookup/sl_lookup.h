/**
 * Pre-shared keys from a program that is asked for them, over its standard input and output, a line
 * each way:
 *
 *     q00000000000000a7 616e6e61 sensors      number, identity in hex, service
 *     q00000000000000a7 00112233              the number again, the key in hex
 *     q00000000000000a7 -                     nobody has that identity
 *
 * Answers may come in any order, and not at all. docs/decisions/pre-shared-keys-by-a-program.md.
 */
#ifndef SL_LOOKUP_H
#define SL_LOOKUP_H

#include "sl_handshake.h"

/** One thread's conversation with one copy of the program. Neither asking nor listening waits. */
struct sl_lookup;

/** to, from: our ends of its pipes, not blocking; borrowed. NULL: no memory. */
struct sl_lookup *sl_lookup_create(int to, int from);
void sl_lookup_destroy(struct sl_lookup *lookup);
/** What a handshaker asks through; borrows the lookup. */
struct sl_handshake_lookup sl_lookup_of(struct sl_lookup *lookup);
/** Lines that were no answers. Any thread. */
uint64_t sl_lookup_garbage(const struct sl_lookup *lookup);

/** Copies of the program, and the process that starts them anew when they die. */
struct sl_lookup_programs;

/**
 * Starts `count` copies, each with pipes of its own. They, and their supervisor, end with this
 * process. To be called before it has threads, and before it gives up what they may need.
 * reason [SL_REASON_LEN] out, on failure. return NULL then.
 */
struct sl_lookup_programs *sl_lookup_start(const char *program, unsigned count, char *reason);
/** Lets go of them: they end in a moment, whoever this process is by now. */
void sl_lookup_stop(struct sl_lookup_programs *programs);
/** The pipes of copy i: to write questions to, to read answers from. */
int sl_lookup_to(const struct sl_lookup_programs *programs, unsigned i);
int sl_lookup_from(const struct sl_lookup_programs *programs, unsigned i);

#endif
