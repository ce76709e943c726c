/* `sluice run --preload-sessions FILE`: recorded sessions, given to workers that do not run yet. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "gateway.h"

/** Those without a connection ID take any slot, so that those that need theirs come first. */
enum pass { WITH_CID, WITHOUT_CID, PASSES };

struct preload {
    struct sl_runtime *runtime;
    const char *path;
    unsigned counts[PASSES]; /* sessions of each kind */
    char *reason;
};

/** return 0, or negative and the reason. */
static int take(struct preload *preload, const struct sl_preload_reader *reader,
                const struct sl_preload_session *session)
{
    char why[SL_PRELOAD_REASON_LEN];
    int error = sl_runtime_preload(preload->runtime, session, why);
    if (error != 0)
        snprintf(preload->reason, REASON_LEN, "%s:%u: %s", preload->path, sl_preload_line(reader),
                 why);
    return error;
}

/** Reads the whole file, and takes the sessions of one kind. return 0, or negative and the reason.
 */
static int run_pass(struct preload *preload, enum pass pass)
{
    struct sl_preload_session session;
    struct sl_preload_reader *reader = sl_preload_open(preload->path, preload->reason, REASON_LEN);
    if (reader == NULL)
        return -EINVAL;
    memset(preload->counts, 0, sizeof preload->counts);
    int result;
    while ((result = sl_preload_read(reader, &session, preload->reason, REASON_LEN)) == 1) {
        enum pass kind = session.cid_len > 0 ? WITH_CID : WITHOUT_CID;
        preload->counts[kind]++;
        if (kind == pass && (result = take(preload, reader, &session)) != 0)
            break;
    }
    OPENSSL_cleanse(&session, sizeof session);
    sl_preload_close(reader);
    return result;
}

int preload_sessions(struct sl_runtime *runtime, const char *path, char *reason)
{
    struct preload preload = {.runtime = runtime, .path = path, .reason = reason};
    int error = run_pass(&preload, WITH_CID);
    if (error == 0 && preload.counts[WITHOUT_CID] > 0)
        error = run_pass(&preload, WITHOUT_CID);
    if (error == 0)
        log_format("%u sessions preloaded from %s",
                   preload.counts[WITH_CID] + preload.counts[WITHOUT_CID], path);
    return error;
}
