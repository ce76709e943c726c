/** What the files of libsluice share. */
#ifndef SLUICE_PRIV_H
#define SLUICE_PRIV_H

#include "sl_ring.h"
#include "sluice.h"

/** In the shared library everything is hidden but what says so. */
#define SLUICE_API __attribute__((visibility("default")))

/** A mapping of the gateway's memory. */
struct sluice_region {
    void *at; /* NULL: none */
    size_t len;
};

/** The rings with one worker. */
struct sluice_link {
    struct sl_ring_consumer receive;
    struct sl_ring_producer send;
    struct sluice_region receive_region, send_region;
};

struct sluice {
    int socket;   /* stands for the registration; its end is the gateway's */
    int wake_fd;  /* readable when we were asleep and something came */
    int epoll_fd; /* both of them */
    const struct sl_ring_info *info;
    struct sluice_region info_region;
    uint64_t generation;
    uint64_t payload_max;
    unsigned worker_count;
    unsigned next_worker; /* whose ring is read first next time */
    uint32_t request;     /* number of the last one */
    unsigned idle_count;  /* receives in a row that found nothing */
    bool asleep;          /* the sleeping words are set */
    bool ended;           /* nothing comes or goes any more */
    struct sluice_link links[SL_RING_WORKERS_MAX];
};

/** Has the gateway ended or let go of us? Then it sets `ended`. A system call. */
bool sluice_gateway_ended(struct sluice *sluice);
/** Does anything wait in a ring? A ring that is corrupt sets `ended`. */
bool sluice_is_ready(struct sluice *sluice);
/** No longer asleep: clears the words and what has come to wake us. */
void sluice_wake_up(struct sluice *sluice);
uint64_t sluice_now_ns(void);

#endif
