/**
 * Pre-shared keys from a program that is asked for them, over its standard input and output, a line
 * each way:
 *
 *     q00000000000000a7 616e6e61 sensors      number, identity in hex, service
 *     q00000000000000a7 00112233              the number again, the key in hex
 *     q00000000000000a7 -                     nobody has that identity
 *
 * Answers may come in any order, and each question has one: silence about those whom nobody
 * knows would tell them apart. docs/decisions/pre-shared-keys-by-a-program.md.
 */
#ifndef SL_LOOKUP_H
#define SL_LOOKUP_H

#include "sl_handshake.h"
#include "sl_hardening.h"

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
 * Starts `count` copies, each with pipes of its own, in a session of their own. Neither they nor
 * their supervisor have capabilities, or descriptors of this process. They end with this process;
 * the supervisor is deaf to signals meant for it. To be called before it has threads, and before it
 * gives up what it takes to become the user.
 * user    who they are to be; NULL: whoever this process is.
 * reason  [SL_REASON_LEN] out, on failure. return NULL then. Waits for the supervisor to begin.
 */
struct sl_lookup_programs *sl_lookup_start(const char *program, unsigned count,
                                           const struct sl_hardening_user *user, char *reason);
/**
 * Says in a line each what has happened since: copies that have ended and are started again, a
 * program that cannot be run; once, that the supervisor is gone. Never waits. One thread calls this
 * and the two below.
 */
void sl_lookup_watch(struct sl_lookup_programs *programs, void (*say)(const char *line));
/** How many ends of copies have been said. */
uint64_t sl_lookup_ends(const struct sl_lookup_programs *programs);
/** The supervisor is gone: no copy is started again. */
bool sl_lookup_is_lost(const struct sl_lookup_programs *programs);
/** Lets go of them: they end in a moment, whoever this process is by now. */
void sl_lookup_stop(struct sl_lookup_programs *programs);
/** The pipes of copy i: to write questions to, to read answers from. */
int sl_lookup_to(const struct sl_lookup_programs *programs, unsigned i);
int sl_lookup_from(const struct sl_lookup_programs *programs, unsigned i);

#endif
