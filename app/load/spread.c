/* How loss and the like are spread over the clients. */
#include <stdlib.h>

#include "result.h"

/** Fewer messages may all be lost by chance. */
#define UNANSWERED_MIN 10

static uint64_t lost_of(const struct sl_load_client_result *client)
{
    return client->lost;
}

static uint64_t late_of(const struct sl_load_client_result *client)
{
    return client->late;
}

static uint64_t reordered_of(const struct sl_load_client_result *client)
{
    return client->reordered;
}

static uint64_t duplicates_of(const struct sl_load_client_result *client)
{
    return client->duplicates;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** shares [count]: room to work in. */
static struct spread spread_of(const struct sl_load_client_result *clients, uint32_t count,
                               uint64_t (*of)(const struct sl_load_client_result *), double *shares)
{
    struct spread spread = {0};
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (clients[i].sent == 0)
            continue;
        spread.touched += of(&clients[i]) > 0;
        shares[used++] = (double)of(&clients[i]) / (double)clients[i].sent;
    }
    if (used == 0)
        return spread;
    qsort(shares, used, sizeof *shares, compare);
    spread.median = shares[(used - 1) / 2];
    spread.p99 = shares[(uint64_t)(used - 1) * 99 / 100];
    spread.worst = shares[used - 1];
    return spread;
}

bool spread_of_clients(const struct sl_load_client_result *clients, uint32_t count,
                       struct client_spread *spread)
{
    memset(spread, 0, sizeof *spread);
    double *shares = malloc((count > 0 ? count : 1) * sizeof *shares);
    if (shares == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        spread->clients += clients[i].sent > 0;
        spread->unanswered +=
            clients[i].sent >= UNANSWERED_MIN && clients[i].lost == clients[i].sent;
        spread->sum.sent += clients[i].sent;
        spread->sum.lost += clients[i].lost;
        spread->sum.late += clients[i].late;
        spread->sum.reordered += clients[i].reordered;
        spread->sum.duplicates += clients[i].duplicates;
    }
    spread->lost = spread_of(clients, count, lost_of, shares);
    spread->late = spread_of(clients, count, late_of, shares);
    spread->reordered = spread_of(clients, count, reordered_of, shares);
    spread->duplicates = spread_of(clients, count, duplicates_of, shares);
    free(shares);
    return true;
}
