/* What has been ordered, and when it is done. */
#include "load_priv.h"

void sl_load_order_phase(struct sl_load *load, enum sl_load_phase phase)
{
    atomic_store_explicit(&load->orders.phase, phase, memory_order_release);
}

void sl_load_order_rate(struct sl_load *load, double data_rate)
{
    atomic_store_explicit(&load->orders.rate_milli, load_rate_of(data_rate / load->config.count),
                          memory_order_relaxed);
    atomic_fetch_add_explicit(&load->orders.rate_count, 1, memory_order_release);
}

bool sl_load_is_done(const struct sl_load *load)
{
    return atomic_load_explicit(&load->done, memory_order_acquire) ==
           1 + atomic_load_explicit(&load->orders.phase, memory_order_relaxed);
}

/** From the time `since`: messages that were due before and could not be sent are forgotten. */
static void begin_arrivals(struct load_arrivals *arrivals, enum sl_load_arrivals kind,
                           uint64_t seed, uint64_t since_ns, uint64_t rate_milli)
{
    load_arrivals_init(
        arrivals, kind == SL_LOAD_POISSON ? LOAD_ARRIVALS_POISSON : LOAD_ARRIVALS_CONSTANT, seed);
    load_set_rate(arrivals, since_ns, rate_milli);
}

/** They would be counted from their time if they were sent, and so they are if they are not. */
static void count_unsent(struct sl_load *load)
{
    load_count(load, SL_LOAD_UNSENT, load_count_due(&load->messages, load->now_ns));
}

static void begin_messages(struct sl_load *load)
{
    load->rate_milli = atomic_load_explicit(&load->orders.rate_milli, memory_order_relaxed);
    begin_arrivals(&load->messages, load->scenario.arrivals,
                   load->scenario.seed + load->config.index, load->now_ns,
                   load->is_silent ? 0 : load->rate_milli);
}

static void begin_run(struct sl_load *load)
{
    const struct sl_load_scenario *scenario = &load->scenario;
    load->is_silent = false;
    begin_messages(load);
    begin_arrivals(&load->churns, SL_LOAD_CONSTANT, 0, load->now_ns,
                   load_rate_of(scenario->churn_rate));
    begin_arrivals(&load->rebinds, SL_LOAD_CONSTANT, 0, load->now_ns,
                   load_rate_of(scenario->rebind_rate));
    load_begin_floods(load);
}

/** All clients talk, then are silent. */
static void take_turns(struct sl_load *load)
{
    const struct sl_load_scenario *scenario = &load->scenario;
    if (scenario->idle_ns == 0)
        return;
    const uint64_t at =
        (load->now_ns - load->phase_since_ns) % (scenario->active_ns + scenario->idle_ns);
    const bool is_silent = at >= scenario->active_ns;
    if (is_silent != load->is_silent)
        load_set_rate(&load->messages, load->now_ns, is_silent ? 0 : load->rate_milli);
    load->is_silent = is_silent;
}

void load_take_orders(struct sl_load *load)
{
    const enum sl_load_phase phase =
        atomic_load_explicit(&load->orders.phase, memory_order_acquire);
    const unsigned rate_count =
        atomic_load_explicit(&load->orders.rate_count, memory_order_acquire);
    if (phase != load->phase || load->phase_since_ns == 0) {
        if (load->phase == SL_LOAD_RUN)
            count_unsent(load);
        load->phase = phase;
        load->phase_since_ns = load->now_ns;
        if (phase == SL_LOAD_RUN)
            begin_run(load);
    } else if (rate_count != load->rate_count && phase == SL_LOAD_RUN) {
        count_unsent(load);
        begin_messages(load);
    }
    load->rate_count = rate_count;
    if (phase == SL_LOAD_RUN)
        take_turns(load);
}

/** The end of DRAIN: what has not been echoed by now is lost. */
static void settle_all(struct sl_load *load)
{
    for (uint32_t number = 0; number < load->client_count; number++)
        load_settle(load, &load->clients[number]);
    load_count(load, SL_LOAD_OVERDUE, load_overdue_close(&load->overdue));
}

static bool is_drained(struct sl_load *load)
{
    const bool is_over = sl_load_outstanding(&load->stats) == 0 ||
                         load->now_ns >= load->phase_since_ns + load->scenario.late_after_ns;
    if (!is_over || load->connecting.count > 0 || load->draining.count > 0)
        return false;
    settle_all(load);
    return true;
}

void load_look_whether_done(struct sl_load *load)
{
    const unsigned now = 1 + (unsigned)load->phase;
    bool is_done = false;
    if (atomic_load_explicit(&load->done, memory_order_relaxed) == now)
        return;
    switch (load->phase) {
    case SL_LOAD_CONNECT:
        is_done = load->untried == 0 || (load->scenario.is_storm && load_knows_next_hop(load));
        break;
    case SL_LOAD_RUN:
        break;
    case SL_LOAD_DRAIN:
        is_done = load->outbox.count == 0 && is_drained(load);
        break;
    case SL_LOAD_CLOSE:
        is_done = load->active.count + load->draining.count + load->connecting.count +
                      load->untold.count + load->outbox.count ==
                  0;
        break;
    }
    /* Pairs with the acquire in sl_load_is_done: who sees it sees the counters, too. */
    if (is_done)
        atomic_store_explicit(&load->done, now, memory_order_release);
}
