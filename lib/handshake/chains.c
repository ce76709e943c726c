#include <stdlib.h>

#include "kept_priv.h"

bool sl_handshake_init_chains(struct chains *chains, unsigned max)
{
    *chains = (struct chains){.max = max};
    return max == 0 || sl_handshake_init_table(&chains->by_handle, max);
}

void sl_handshake_wipe_chains(struct chains *chains)
{
    for (size_t i = 0; chains->by_handle.slots != NULL && i <= chains->by_handle.mask; i++)
        free(chains->by_handle.slots[i].object);
    sl_handshake_wipe_table(&chains->by_handle);
}

bool sl_handshake_keep_chain(struct chains *chains, uint64_t handle, struct sl_peer_chain *chain)
{
    if (chains->count == chains->max)
        return false;
    sl_handshake_insert(&chains->by_handle, handle, chain);
    chains->count++;
    return true;
}

void sl_handshake_forget_chain(struct chains *chains, uint64_t handle)
{
    struct sl_peer_chain *chain =
        chains->max > 0 ? sl_handshake_find(&chains->by_handle, handle) : NULL;
    if (chain == NULL)
        return;
    sl_handshake_remove(&chains->by_handle, handle);
    chains->count--;
    free(chain);
}
