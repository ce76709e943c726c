/* Everything there is to print, gathered from those who count. */
#include <stdio.h>

#include "runtime_priv.h"
#include "runtime_version.h"

static void add(struct sl_runtime *runtime, const char *group, const char *name, const char *text,
                uint64_t value)
{
    if (runtime->stats.other_count < STATS_MAX)
        runtime->others[runtime->stats.other_count++] =
            (struct sl_stat){.group = group, .name = name, .text = text, .value = value};
}

static void add_handshakes(struct sl_runtime *runtime)
{
    uint64_t in_progress = 0;
    for (unsigned h = 0; h < runtime->handshaker_count; h++)
        in_progress += sl_handshaker_in_progress(runtime->handshakers[h].handshaker);
    for (int c = 0; c < SL_HANDSHAKE_COUNTER_COUNT; c++) {
        enum sl_handshake_counter counter = (enum sl_handshake_counter)c;
        uint64_t sum = 0;
        for (unsigned h = 0; h < runtime->handshaker_count; h++)
            sum += sl_handshaker_counter(runtime->handshakers[h].handshaker, counter);
        add(runtime, "handshake", sl_handshake_counter_name(counter),
            sl_handshake_counter_text(counter), sum);
    }
    const struct sl_lookup_programs *lookup = runtime->config.lookup;
    uint64_t garbage = 0;
    for (unsigned h = 0; h < runtime->handshaker_count; h++)
        if (runtime->handshakers[h].lookup != NULL)
            garbage += sl_lookup_garbage(runtime->handshakers[h].lookup);
    add(runtime, "handshake", "PSK_GARBAGE", "lines of the lookup program that were no answers",
        garbage);
    add(runtime, "handshake", "PSK_PROGRAM_ENDS", "times that a copy of the lookup program ended",
        lookup != NULL ? sl_lookup_ends(lookup) : 0);
    add(runtime, "handshake", "PSK_SUPERVISOR_LOST",
        "1: nobody starts the lookup program again when it ends; restart the gateway",
        lookup != NULL && sl_lookup_is_lost(lookup));
    add(runtime, "handshake", "IN_PROGRESS", "handshakes in progress", in_progress);
}

static void add_port(struct sl_runtime *runtime, unsigned port)
{
    struct sl_port_stat stats[16];
    unsigned count = sl_port_stats(runtime->ports[port], stats, 16);
    for (unsigned i = 0; i < count; i++)
        add(runtime, runtime->port_names[port], stats[i].name, stats[i].text, stats[i].value);
}

const struct sl_stats *sl_runtime_stats(struct sl_runtime *runtime, uint64_t now_ns)
{
    struct sl_consumer_info consumers[SL_CONSUMERS_MAX];
    for (unsigned w = 0; w < runtime->worker_count; w++)
        sl_counters_snapshot(&runtime->counters[w], sl_worker_counters(runtime->workers[w].worker));
    runtime->stats = (struct sl_stats){
        .version = SLUICE_VERSION,
        .uptime_ns = now_ns > runtime->started_ns ? now_ns - runtime->started_ns : 0,
        .workers = runtime->counters,
        .worker_count = runtime->worker_count,
        .others = runtime->others,
    };
    add_handshakes(runtime);
    add(runtime, "consumers", "REGISTERED", "consumers registered now",
        sl_registry_list(runtime->registry, consumers));
    for (unsigned p = 0; p < runtime->config.port_count; p++)
        add_port(runtime, p);
    return &runtime->stats;
}
