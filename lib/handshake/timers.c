#include <stdlib.h>

#include "handshake_priv.h"

bool sl_handshake_init_timers(struct timers *timers, size_t handshakes_max)
{
    timers->count = 0;
    timers->heap = calloc(handshakes_max, sizeof *timers->heap);
    return timers->heap != NULL;
}

void sl_handshake_wipe_timers(struct timers *timers)
{
    free(timers->heap);
    timers->heap = NULL;
}

static void put(struct timers *timers, size_t at, struct handshake *handshake)
{
    timers->heap[at] = handshake;
    handshake->heap_at = at + 1;
}

static void sift_up(struct timers *timers, size_t at)
{
    struct handshake *moving = timers->heap[at];
    for (; at > 0; at = (at - 1) / 2) {
        struct handshake *parent = timers->heap[(at - 1) / 2];
        if (parent->due_ns <= moving->due_ns)
            break;
        put(timers, at, parent);
    }
    put(timers, at, moving);
}

static void sift_down(struct timers *timers, size_t at)
{
    struct handshake *moving = timers->heap[at];
    for (size_t child; (child = 2 * at + 1) < timers->count; at = child) {
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
            child++;
        if (moving->due_ns <= timers->heap[child]->due_ns)
            break;
        put(timers, at, timers->heap[child]);
    }
    put(timers, at, moving);
}

void sl_handshake_set_timer(struct timers *timers, struct handshake *handshake, uint64_t due_ns)
{
    handshake->due_ns = due_ns;
    if (handshake->heap_at == 0)
        put(timers, timers->count++, handshake);
    sift_up(timers, handshake->heap_at - 1);
    sift_down(timers, handshake->heap_at - 1);
}

void sl_handshake_clear_timer(struct timers *timers, struct handshake *handshake)
{
    if (handshake->heap_at == 0)
        return;
    size_t at = handshake->heap_at - 1;
    handshake->heap_at = 0;
    struct handshake *moved = timers->heap[--timers->count];
    if (moved == handshake)
        return;
    put(timers, at, moved);
    sift_up(timers, at);
    sift_down(timers, moved->heap_at - 1);
}
