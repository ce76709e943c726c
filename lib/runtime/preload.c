/* Recorded sessions go to the workers that they belong to, before any thread runs. */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "runtime_priv.h"

int sl_runtime_preload(struct sl_runtime *runtime, const struct sl_preload_session *recorded,
                       char *reason)
{
    const unsigned owner = sl_worker_of_preload(runtime->shard_owner, recorded);
    uint8_t random[SL_PRELOAD_RANDOM_LEN];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        snprintf(reason, SL_PRELOAD_REASON_LEN, "the kernel has no random numbers");
        return -EIO;
    }
    int error = sl_worker_preload(runtime->workers[owner].worker, recorded, random,
                                  clock_kernel_ns(), reason);
    explicit_bzero(random, sizeof random);
    return error;
}
