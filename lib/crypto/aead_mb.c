#include <errno.h>

#include "aead_mb.h"

IMB_MGR *aead_mb_create(uint64_t needed)
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
