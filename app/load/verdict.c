/* Was it what was asked for? Sentences, and the exit status. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "result.h"
#include "text.h"

/** A rate below this share of what was ordered has not been reached. */
#define RATE_REACHED 0.95
/** Messages that leave so long after their time say more of the generator than of the server. */
#define PACING_BAD_NS 1000000

struct judge {
    const struct plan *plan;
    struct result *result;
};

static void say(struct judge *j, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The first sentence that is no mere remark decides the status. */
static void say(struct judge *j, int status, const char *format, ...)
{
    struct result *result = j->result;
    if (result->exit_status == EXIT_STATUS_FINE)
        result->exit_status = status;
    if (result->sentence_count == VERDICT_SENTENCES_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->sentences[result->sentence_count++], VERDICT_SENTENCE_LEN, format, arguments);
    va_end(arguments);
}

static uint64_t counter(const struct judge *j, enum sl_load_counter which)
{
    return j->result->total.counters[which];
}

/** ": TEXT (N times)" of the most frequent failure; "" without any. */
static const char *main_failure(const struct judge *j, char *out, size_t out_len)
{
    const struct result *result = j->result;
    char count[TEXT_LEN];
    if (result->failure_count == 0)
        return "";
    const struct sl_load_failure *failure = &result->failures[0];
    if (failure->count > 1)
        snprintf(out, out_len, ": %s (%s times)", failure->text, text_count(count, failure->count));
    else
        snprintf(out, out_len, ": %s", failure->text);
    return out;
}

static void judge_handshakes(struct judge *j)
{
    uint64_t begun = counter(j, SL_LOAD_HANDSHAKES_BEGUN);
    uint64_t completed = counter(j, SL_LOAD_HANDSHAKES_COMPLETED);
    uint64_t failed = counter(j, SL_LOAD_HANDSHAKES_FAILED);
    uint64_t unopened = counter(j, SL_LOAD_SOURCES_FAILED);
    char cause[SL_REASON_LEN + 64], a[TEXT_LEN], b[TEXT_LEN];
    if (unopened > 0)
        say(j, EXIT_STATUS_FAILED, "%s sockets could not be opened%s", text_count(a, unopened),
            main_failure(j, cause, sizeof cause));
    if (completed == 0 && failed > 0)
        say(j, EXIT_STATUS_FAILED, "no session came up; %s of %s handshakes failed%s",
            text_count(a, failed), text_count(b, begun), main_failure(j, cause, sizeof cause));
    else if (completed == 0 && unopened == 0 && j->result->end != END_INTERRUPT)
        say(j, EXIT_STATUS_FAILED, "no session came up, of %s handshakes begun%s",
            text_count(b, begun), main_failure(j, cause, sizeof cause));
    else if (failed > 0)
        say(j, EXIT_STATUS_FAILED, "%s of %s handshakes failed%s", text_count(a, failed),
            text_count(b, begun), main_failure(j, cause, sizeof cause));
}

static void judge_sessions(struct judge *j)
{
    uint64_t closed = counter(j, SL_LOAD_SESSIONS_CLOSED);
    char a[TEXT_LEN], cause[SL_REASON_LEN + 64];
    if (closed == 0)
        return;
    bool is_explained = counter(j, SL_LOAD_HANDSHAKES_FAILED) == 0;
    say(j, EXIT_STATUS_FAILED, "%s session%s closed by the server, or could not go on%s",
        text_count(a, closed), closed == 1 ? " was" : "s were",
        is_explained ? main_failure(j, cause, sizeof cause) : "");
}

static void judge_echoes(struct judge *j)
{
    uint64_t sent = counter(j, SL_LOAD_SENT), echoed = counter(j, SL_LOAD_ECHOED);
    uint64_t late = counter(j, SL_LOAD_LATE), lost = counter(j, SL_LOAD_LOST);
    uint64_t corrupt = counter(j, SL_LOAD_CORRUPT);
    char a[TEXT_LEN], b[TEXT_LEN];
    if (!j->plan->expects_echo || sent == 0)
        return;
    if (echoed + late == 0)
        say(j, EXIT_STATUS_FAILED,
            "nothing of %s messages was echoed; a server that does not echo wants --no-echo",
            text_count(a, sent));
    else if (j->result->silent_since_s > 0)
        say(j, EXIT_STATUS_FAILED,
            "the server stopped answering: nothing has come back since %.1f s, and %s messages "
            "have been sent meanwhile",
            j->result->silent_since_s, text_count(a, j->result->sent_in_silence));
    else if (j->result->spread.unanswered > 0)
        say(j, EXIT_STATUS_FAILED, "%s of %s clients got no echo at all",
            text_count(a, j->result->spread.unanswered), text_count(b, j->result->spread.clients));
    if (corrupt > 0)
        say(j, EXIT_STATUS_FAILED, "%s echoes were not what had been sent", text_count(a, corrupt));
    if (plan_has(j->plan, "max-loss") && !j->plan->finds_max &&
        (double)(lost + late) > j->plan->max_loss * (double)sent)
        say(j, EXIT_STATUS_FAILED, "%s of the messages were lost or late; %s was allowed",
            text_share(a, (double)(lost + late) / (double)sent), text_share(b, j->plan->max_loss));
}

/** Every message ends once, whatever happened; and the clients' sums are the engines'. */
static void judge_sums(struct judge *j)
{
    const struct client_spread *clients = &j->result->spread;
    uint64_t sent = counter(j, SL_LOAD_SENT), late = counter(j, SL_LOAD_LATE);
    uint64_t lost = counter(j, SL_LOAD_LOST);
    uint64_t ended = counter(j, SL_LOAD_ECHOED) + late + lost;
    char a[TEXT_LEN], b[TEXT_LEN];
    bool is_summed =
        clients->sum.sent == sent && clients->sum.late == late && clients->sum.lost == lost;
    if (!is_summed || (j->plan->expects_echo && ended > sent))
        say(j, EXIT_STATUS_FAILED,
            "the counters contradict each other (%s sent, %s echoed, late or lost): an error of "
            "this program",
            text_count(a, sent), text_count(b, ended));
    else if (j->plan->expects_echo && ended < sent)
        say(j, EXIT_STATUS_FAILED, "%s messages were still under way at the end",
            text_count(a, sent - ended));
}

static void judge_sizes(struct judge *j)
{
    uint64_t too_large = j->result->total.drops[SL_DROP_SEND_TOO_LARGE];
    char a[TEXT_LEN];
    if (too_large > 0)
        say(j, EXIT_STATUS_FAILED,
            "%s messages were not sent: they are too large for a datagram on the way to the "
            "server, or for a record",
            text_count(a, too_large));
}

/** Whether so many in the measured time are the rate that was ordered, or nearly: one may be due
 * just behind its end, and chance may take four standard deviations of a Poisson process. */
static bool is_reached(const struct judge *j, double rate, uint64_t made)
{
    const double ordered = rate * j->result->measured_s;
    const double chance = j->plan->is_poisson ? 4 * sqrt(ordered) : 0;
    return (double)made + 1 + chance >= RATE_REACHED * ordered;
}

static void judge_storm(struct judge *j)
{
    const uint64_t begun = j->result->measured.counters[SL_LOAD_HANDSHAKES_BEGUN];
    const double seconds = j->result->measured_s;
    char a[TEXT_LEN], b[TEXT_LEN];
    if (seconds > 0 && !is_reached(j, j->plan->storm, begun))
        say(j, EXIT_STATUS_FAILED,
            "%s handshakes a second were asked for, and %s begun: the server or this program was "
            "the limit, or there were too few clients, or too few in flight",
            text_rate(a, j->plan->storm), text_rate(b, (double)begun / seconds));
}

/** Of replays there are none at first, and fewer where sessions end: so it is a remark. */
static void judge_floods(struct judge *j)
{
    const double seconds = j->result->measured_s;
    char a[TEXT_LEN], b[TEXT_LEN];
    for (unsigned i = 0; seconds > 0 && i < SL_LOAD_FLOOD_COUNT; i++) {
        const uint64_t sent = j->result->measured.floods[i];
        if (!is_reached(j, j->plan->floods[i], sent))
            say(j, EXIT_STATUS_FINE,
                "%s packets a second of the flood '%s' were asked for, and %s sent",
                text_rate(a, j->plan->floods[i]), sl_load_flood_name(i),
                text_rate(b, (double)sent / seconds));
    }
}

/** What was asked for, but of a cycle, whose share of silence depends on where the run ends. */
static void judge_rate(struct judge *j)
{
    const struct result *result = j->result;
    const struct plan *plan = j->plan;
    char a[TEXT_LEN], b[TEXT_LEN];
    const double pacing = (double)sl_histogram_quantile_ns(&result->measured.pacing, 0.99);
    const uint64_t sent = result->measured.counters[SL_LOAD_SENT];
    const uint64_t too_large = result->measured.drops[SL_DROP_SEND_TOO_LARGE];
    if (result->measured_s <= 0 || counter(j, SL_LOAD_SESSIONS_CLOSED) > 0)
        return; /* the server's doing, which is said */
    if (plan->rate > 0 && plan->cycle.idle_ns == 0 && !is_reached(j, plan->rate, sent + too_large))
        say(j, EXIT_STATUS_FAILED,
            "%s messages a second were asked for, and %s sent: this program was the limit, or had "
            "too few sessions",
            text_rate(a, plan->rate), text_rate(b, (double)sent / result->measured_s));
    else if (pacing > PACING_BAD_NS)
        say(j, EXIT_STATUS_FINE,
            "one message in a hundred left %s or more after its time: latency says something of "
            "this program or machine, too, or of sessions that had to be waited for",
            text_ns(a, pacing));
}

/** Where loss does not show, this is all that says that there was no server. */
static void judge_port(struct judge *j)
{
    const struct result *result = j->result;
    char a[TEXT_LEN];
    for (unsigned i = 0; i < result->port_stat_count; i++)
        if (strcmp(result->port_stats[i].name, "REFUSED") == 0 && result->port_stats[i].value > 0)
            say(j, EXIT_STATUS_FAILED,
                "nobody listened on the server's port: %s datagrams were refused there",
                text_count(a, result->port_stats[i].value));
}

static void judge_capture(struct judge *j)
{
    if (j->result->is_capture_cut)
        say(j, EXIT_STATUS_FAILED, "not all of %s and its sessions could be written",
            j->plan->write_pcap);
}

static void judge_end(struct judge *j)
{
    const struct plan *plan = j->plan;
    bool is_cut_short = plan->finds_max || plan->duration_ns != VALUE_FOREVER;
    if (j->result->end != END_INTERRUPT || !is_cut_short)
        return;
    if (plan->finds_max)
        say(j, EXIT_STATUS_INTERRUPTED, "interrupted before the search was through");
    else
        say(j, EXIT_STATUS_INTERRUPTED, "interrupted after %.1f of %.1f s", j->result->run_s,
            (double)plan->duration_ns / 1e9);
}

void verdict_reach(const struct plan *plan, struct result *result)
{
    struct judge j = {plan, result};
    result->sentence_count = 0;
    result->exit_status = EXIT_STATUS_FINE;
    judge_handshakes(&j);
    judge_sessions(&j);
    judge_echoes(&j);
    judge_port(&j);
    judge_sums(&j);
    judge_sizes(&j);
    judge_storm(&j);
    judge_floods(&j);
    judge_capture(&j);
    if (!plan->finds_max)
        judge_rate(&j);
    else if (result->end == END_COMPLETE && result->search.search.passed <= 0)
        say(&j, EXIT_STATUS_FAILED, "%s", result->search.sentence);
    judge_end(&j);
}

static int by_count(const void *a, const void *b)
{
    uint64_t x = ((const struct sl_load_failure *)a)->count;
    uint64_t y = ((const struct sl_load_failure *)b)->count;
    return (x < y) - (x > y);
}

void result_add_failures(struct result *result, const struct sl_load_failure *failures,
                         unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned k = 0;
        while (k < result->failure_count && strcmp(result->failures[k].text, failures[i].text) != 0)
            k++;
        if (k == SL_LOAD_FAILURES_MAX)
            continue;
        if (k == result->failure_count)
            result->failures[result->failure_count++] = failures[i];
        else
            result->failures[k].count += failures[i].count;
    }
    qsort(result->failures, result->failure_count, sizeof result->failures[0], by_count);
}
