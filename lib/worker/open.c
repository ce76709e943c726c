/* Stage 3: the AEAD of the whole burst, all sessions mixed. */
#include "stages_priv.h"

void worker_open_burst(struct sl_worker *w)
{
    sl_record_open_burst(w->aead, w->rx.jobs, w->rx.count);
}
