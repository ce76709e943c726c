#include <stdlib.h>

#include "kept_priv.h"

bool sl_handshake_init_last_flights(struct last_flights *flights, unsigned max)
{
    *flights = (struct last_flights){.max = max};
    flights->flights = calloc(max, sizeof *flights->flights);
    return flights->flights != NULL && sl_handshake_init_table(&flights->by_handle, max);
}

void sl_handshake_wipe_last_flights(struct last_flights *flights)
{
    for (unsigned i = 0; flights->flights != NULL && i < flights->max; i++)
        sl_handshake_wipe_flight(&flights->flights[i].flight);
    free(flights->flights);
    flights->flights = NULL;
    sl_handshake_wipe_table(&flights->by_handle);
}

static void forget(struct last_flights *flights, struct last_flight *flight)
{
    if (flight->is_kept)
        sl_handshake_remove(&flights->by_handle, flight->handle);
    sl_handshake_wipe_flight(&flight->flight);
    flight->is_kept = false;
}

void sl_handshake_keep_last_flight(struct last_flights *flights, const struct last_flight *flight)
{
    if (flights->made - flights->gone == flights->max)
        forget(flights, &flights->flights[flights->gone++ % flights->max]);
    struct last_flight *kept = &flights->flights[flights->made++ % flights->max];
    *kept = *flight;
    kept->is_kept = true;
    sl_handshake_insert(&flights->by_handle, kept->handle, kept);
}

struct last_flight *sl_handshake_find_last_flight(struct last_flights *flights, uint64_t handle,
                                                  uint64_t now_ns)
{
    sl_handshake_expire_last_flights(flights, now_ns);
    return sl_handshake_find(&flights->by_handle, handle);
}

void sl_handshake_forget_last_flight(struct last_flights *flights, uint64_t handle)
{
    struct last_flight *flight = sl_handshake_find(&flights->by_handle, handle);
    if (flight != NULL)
        forget(flights, flight);
}

void sl_handshake_expire_last_flights(struct last_flights *flights, uint64_t now_ns)
{
    for (; flights->gone < flights->made; flights->gone++) {
        struct last_flight *oldest = &flights->flights[flights->gone % flights->max];
        if (oldest->is_kept && now_ns < oldest->made_ns + LAST_FLIGHT_KEPT_NS)
            return;
        forget(flights, oldest);
    }
}
