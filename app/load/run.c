#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "run.h"

/** The most that closing may take: a close_notify to each session. */
#define CLOSE_NS 10000000000ULL
/** Beyond the time in which an echo is late. */
#define DRAIN_GRACE_NS 2000000000ULL
/** Fewer messages lost at the end of a run, or in less time, say nothing of the server. */
#define SILENCE_MIN 3
#define SILENCE_MIN_NS 100000000ULL
/** That so many in a row are lost as by chance, at the rate of loss before, has to be rarer. */
#define SILENCE_CHANCE 1e-6

bool run_wait(struct run *run, uint64_t until_ns, bool until_done)
{
    if (run->is_interrupted)
        return false;
    if (watch_until(run->watch, until_ns, until_done) == WAKE_SIGNAL)
        run->is_interrupted = true;
    return !run->is_interrupted;
}

/** For DRAIN and CLOSE, which a first signal only begins. */
static void wait_to_end(struct run *run, uint64_t longest_ns)
{
    uint64_t until_ns = engines_now_ns() + longest_ns;
    while (!run->is_hurried) {
        if (watch_until(run->watch, until_ns, true) != WAKE_SIGNAL)
            return;
        run->is_hurried = run->is_interrupted;
        run->is_interrupted = true;
    }
}

static void connect_all(struct run *run)
{
    watch_begin_phase(run->watch, PHASE_CONNECT);
    engines_order_phase(run->engines, SL_LOAD_CONNECT);
    run_wait(run, UINT64_MAX, true);
    run->result->connect_s = watch_seconds(run->watch);
}

static void measure(struct run *run)
{
    const struct plan *plan = run->plan;
    struct result *result = run->result;
    uint64_t begin_ns = engines_now_ns(), warm_ns = begin_ns + plan->warmup_ns;
    uint64_t end_ns =
        plan->duration_ns == VALUE_FOREVER ? UINT64_MAX : begin_ns + plan->duration_ns;
    watch_begin_phase(run->watch, plan->warmup_ns > 0 ? PHASE_WARMUP : PHASE_RUN);
    engines_order_phase(run->engines, SL_LOAD_RUN);
    if (plan->warmup_ns > 0 && run_wait(run, warm_ns, false))
        watch_begin_phase(run->watch, PHASE_RUN);
    run->before = run->watch->now;
    uint64_t measured_ns = engines_now_ns();
    run_wait(run, end_ns, false);
    result->measured = run->watch->now;
    sl_load_subtract_stats(&result->measured, &run->before);
    uint64_t now_ns = engines_now_ns();
    result->measured_s = run->watch->phase == PHASE_RUN ? (double)(now_ns - measured_ns) / 1e9 : 0;
    result->run_s = (double)(now_ns - begin_ns) / 1e9;
}

/** How likely it is that the last `silent` messages are lost when the server loses as it did
 * before.
 */
static double chance_of_silence(const struct watch *watch, uint64_t silent)
{
    const uint64_t lost = watch->now.counters[SL_LOAD_LOST];
    if (watch->sent_at_answer == 0 || lost <= silent)
        return 0;
    return pow((double)(lost - silent) / (double)watch->sent_at_answer, (double)silent);
}

/** Has the server stopped answering? Only after DRAIN is that known, which waits for what is late.
 */
static void look_for_silence(struct run *run, uint64_t sending_ended_ns)
{
    const struct watch *watch = run->watch;
    uint64_t sent = watch->now.counters[SL_LOAD_SENT] - watch->sent_at_answer;
    if (!run->plan->expects_echo || run->is_hurried || sent < SILENCE_MIN ||
        watch->answer_ns + SILENCE_MIN_NS >= sending_ended_ns ||
        chance_of_silence(watch, sent) > SILENCE_CHANCE)
        return;
    run->result->silent_since_s = (double)(watch->answer_ns - watch->begin_ns) / 1e9;
    run->result->sent_in_silence = sent;
}

static void end_all(struct run *run)
{
    uint64_t sending_ended_ns = engines_now_ns();
    watch_begin_phase(run->watch, PHASE_DRAIN);
    engines_order_phase(run->engines, SL_LOAD_DRAIN);
    wait_to_end(run, run->plan->late_after_ns + DRAIN_GRACE_NS);
    look_for_silence(run, sending_ended_ns);
    watch_begin_phase(run->watch, PHASE_CLOSE);
    engines_order_phase(run->engines, SL_LOAD_CLOSE);
    wait_to_end(run, CLOSE_NS);
    watch_begin_phase(run->watch, PHASE_CLOSE);
}

static void go_through(struct run *run)
{
    struct result *result = run->result;
    connect_all(run);
    bool has_sessions = run->watch->now.established > 0 || run->plan->storm > 0;
    if (!run->is_interrupted && has_sessions && run->plan->finds_max)
        run_search(run);
    else if (!run->is_interrupted && has_sessions)
        measure(run);
    end_all(run);
    result->end = run->is_interrupted ? END_INTERRUPT
                  : !has_sessions     ? END_NO_SESSION
                                      : END_COMPLETE;
    result->whole_s = watch_seconds(run->watch);
}

/** What is known only when no engine runs any more. */
static bool collect(struct run *run, char *reason)
{
    engines_stop(run->engines);
    engines_read_stats(run->engines, &run->result->total);
    engines_read_failures(run->engines, run->result);
    engines_read_ports(run->engines, run->result);
    if (engines_read_clients(run->engines, &run->result->spread))
        return true;
    snprintf(reason, SETTINGS_REASON_LEN, "no memory for what each client had");
    return false;
}

static void note_time(char *out, size_t out_len)
{
    struct tm utc;
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    strftime(out, out_len, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static double interval_of(const struct plan *plan)
{
    if (plan->finds_max)
        return series_interval((double)plan->trial_ns / 1e9 * 10);
    if (plan->duration_ns == VALUE_FOREVER)
        return 1;
    return series_interval((double)plan->duration_ns / 1e9);
}

static bool make(struct run *run, const struct settings *settings, FILE *live, char *reason)
{
    const struct plan *plan = run->plan;
    run->engines = engines_create(settings, plan->cores, reason);
    if (run->engines == NULL)
        return false;
    run->watch = watch_create(run->engines, &run->result->series, interval_of(plan), live, reason);
    if (run->watch == NULL || engines_start(run->engines, reason) != 0)
        return false;
    go_through(run);
    return collect(run, reason);
}

bool run_make(const struct plan *plan, struct result *result, FILE *live, char *reason)
{
    struct settings settings;
    struct run *run = calloc(1, sizeof *run);
    note_time(result->began, sizeof result->began);
    if (run == NULL) {
        snprintf(reason, SETTINGS_REASON_LEN, "no memory");
        return false;
    }
    run->plan = plan;
    run->result = result;
    bool is_made = settings_make(&settings, plan, reason) && make(run, &settings, live, reason);
    watch_destroy(run->watch);
    result->is_capture_cut = engines_destroy(run->engines) != 0;
    settings_wipe(&settings);
    free(run);
    return is_made;
}
