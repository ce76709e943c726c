#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "aead_mb.h"

#define CACHE_LINE 64

static IMB_MGR *create_manager(uint64_t needed)
{
    IMB_MGR *mgr = alloc_mb_mgr(0);
    if (mgr == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    if ((mgr->features & needed) == needed) /* without AES-NI the library emulates, slowly */
        init_mb_mgr_auto(mgr, NULL);
    if ((mgr->features & needed) == needed && mgr->get_next_job != NULL)
        return mgr;
    free_mb_mgr(mgr);
    errno = ENOTSUP;
    return NULL;
}

void *aead_mb_create(size_t len, uint64_t needed)
{
    IMB_MGR *mgr = create_manager(needed);
    if (mgr == NULL)
        return NULL;
    IMB_MGR **engine =
        aligned_alloc(CACHE_LINE, (len + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
    if (engine == NULL) {
        free_mb_mgr(mgr);
        errno = ENOMEM;
        return NULL;
    }
    memset(engine, 0, len);
    *engine = mgr;
    return engine;
}

void aead_mb_destroy(void *engine, size_t len)
{
    if (engine == NULL)
        return;
    free_mb_mgr(*(IMB_MGR **)engine);
    OPENSSL_cleanse(engine, len);
    free(engine);
}
